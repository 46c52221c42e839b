// `npm run format`: writes every source the way the gate wants it.
import { findCommand, listFiles, projectRequire, run, runMain, say } from './support/project.mjs'

await runMain(() => {
  const biome = projectRequire.resolve('@biomejs/biome/bin/biome')
  const code = run(process.execPath, [biome, 'check', '--write', '.'])
  if (findCommand('clang-format') === null) say('skipped C++: no clang-format (apt-get install -y clang-format)')
  else run('clang-format', ['-i', ...listFiles('native', isCpp), ...listFiles('test/native', isCpp)])
  return code
})

function isCpp(file) {
  return /\.(cc|h)$/.test(file)
}
