// lib/schemas/: a JSON Schema for each document that premain writes, generated from the TypeScript type that is its
// source. `--check` writes nothing and fails where one is not fresh.
import { at, isEntry, projectRequire, runMain, writeGenerated } from './support/project.mjs'

/** Each document: its schema's name, its type, and whether all its numbers are integers (times in ns, counts, ids). */
const DOCUMENTS = [
  { name: 'premain.trace-1', source: 'lib/trace/types.ts', type: 'Trace', integers: true },
  { name: 'premain.image-1', source: 'lib/plan/inspect.ts', type: 'ImageDocument', integers: true },
  { name: 'premain.explanation-1', source: 'lib/export/explain-text.ts', type: 'Explanation', integers: true },
  { name: 'premain.doctor-1', source: 'lib/doctor/types.ts', type: 'Doctor', integers: true },
  { name: 'premain.measurement-1', source: 'lib/measure/types.ts', type: 'Measurement', integers: false },
  { name: 'premain.comparison-1', source: 'lib/measure/types.ts', type: 'Comparison', integers: false },
  { name: 'premain.check-1', source: 'lib/measure/types.ts', type: 'CheckResult', integers: false },
  { name: 'premain.baseline-1', source: 'lib/measure/baseline.ts', type: 'BaselineDocument', integers: false },
  { name: 'premain.config', source: 'lib/measure/config.ts', type: 'Config', integers: false },
]

/** Writes every schema, or checks that all are fresh. */
export function generateSchemas({ check }) {
  for (const document of DOCUMENTS) {
    const text = `${JSON.stringify(schemaOf(document), null, 2)}\n`
    writeGenerated(`lib/schemas/${document.name}.schema.json`, text, { check, command: 'npm run schemas' })
  }
}

function schemaOf({ name, source, type, integers }) {
  const { createGenerator } = projectRequire('ts-json-schema-generator')
  // Readers ignore unknown keys, so the schemas allow them. Types are checked by the compiler of the build.
  const config = {
    path: at(source),
    tsconfig: at('tsconfig.json'),
    type,
    additionalProperties: true,
    topRef: false,
    skipTypeCheck: true,
  }
  const schema = createGenerator(config).createSchema(type)
  if (integers) useIntegers(schema)
  const { $schema, ...rest } = schema
  return { $schema, $id: `urn:premain:schema:${name}`, title: type, ...rest }
}

function useIntegers(node) {
  if (node === null || typeof node !== 'object') return
  if (node.type === 'number') node.type = 'integer'
  if (Array.isArray(node.type)) node.type = node.type.map((type) => (type === 'number' ? 'integer' : type))
  for (const value of Object.values(node)) useIntegers(value)
}

if (isEntry(import.meta.url)) runMain(() => generateSchemas({ check: process.argv.includes('--check') }))
