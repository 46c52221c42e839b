// The rows as a table for the terminal and as docs/performance.md.
import { median, p90 } from './sampling.mjs'

const MARKS = new Map([
  [true, 'yes'],
  [false, 'NO'],
  [null, ''],
])

function figure(value, { unit, decimals }) {
  return `${value.toFixed(decimals)} ${unit}`
}

function target(row) {
  if (row.limit === null) return ''
  const limit = Number.isInteger(row.limit) ? String(row.limit) : String(Number(row.limit.toFixed(2)))
  return `${row.least ? '≥' : '≤'} ${limit} ${row.unit}`
}

/** One section as lines of text. */
export function sectionText({ title, text, rows }) {
  const width = Math.max(48, ...rows.map(({ what }) => what.length))
  const lines = rows.map(
    (row) =>
      `  ${row.what.padEnd(width)} ${figure(row.value, row).padStart(10)}  ${target(row).padStart(10)}  ${MARKS.get(row.reached)}`,
  )
  return [`\n${title}`, ...(rows.length === 0 && text ? [`  ${text}`] : []), ...lines].join('\n')
}

/** How many of the figures that have a target reach it. */
export function score(sections) {
  const judged = sections.flatMap(({ rows }) => rows).filter(({ reached }) => reached !== null)
  return { reached: judged.filter(({ reached }) => reached).length, of: judged.length }
}

/** docs/performance.md. */
export function document({ host, load, date, seed, sections }) {
  const { reached, of } = score(sections)
  return [
    '# Performance',
    '',
    'Written by `npm run bench -- --write`. Every figure with a × is a ratio of medians of one run, in which all contestants',
    'took turns in random order. Absolute times belong to this machine; the ratios carry over better, not exactly.',
    '',
    `- ${date}, seed ${seed}`,
    `- ${host.cpu}, ${host.cpus} CPUs${host.virtualization ? `, ${host.virtualization} guest` : ''}, Linux ${host.kernel}, Node ${host.node}`,
    `- processes that wanted a core before the run began, on average of the last minute: ${load.toFixed(1)}`,
    `- ${reached} of ${of} targets reached`,
    '',
    'The peers in C are `scripts/bench/peers.c`: a process that starts the program by `posix_spawn` and waits (the floor), or',
    'traces it with a plain ptrace loop. The loop gets premain’s own plan, so it stops at the same addresses and takes the',
    'same registers, memory and maps; what it takes, it throws away. A target that was missed is to be read beside it: what',
    'plain C cannot do on a machine, premain cannot either.',
    '',
    ...sections.flatMap(sectionMarkdown),
  ].join('\n')
}

function sectionMarkdown({ title, text, rows, samples, points }) {
  const lines = [`## ${title}`, '']
  if (text) lines.push(text, '')
  if (rows.length > 0) {
    lines.push('| what | figure | target | reached |', '| --- | ---: | ---: | --- |')
    for (const row of rows) {
      lines.push(
        `| ${row.what} | ${figure(row.value, row)} | ${target(row)} | ${MARKS.get(row.reached).toLowerCase()} |`,
      )
    }
    lines.push('')
  }
  if (points) lines.push(...scatter(points), '')
  const spread = Object.entries(samples).filter(([, values]) => values.length > 1)
  if (spread.length > 0) {
    lines.push('<details><summary>Samples</summary>', '')
    lines.push('| contestant | runs | min | median | p90 |', '| --- | ---: | ---: | ---: | ---: |')
    for (const [name, values] of spread) {
      const cells = [Math.min(...values), median(values), p90(values)].map((value) => value.toPrecision(4))
      lines.push(`| ${name} | ${values.length} | ${cells.join(' | ')} |`)
    }
    lines.push('', '</details>', '')
  }
  return lines
}

function scatter(points) {
  return [
    '| init | premain ms | inittrace ms | apart | inittrace ms, untraced |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...points.map(
      ({ name, premain, traced, untraced, off }) =>
        `| ${name} | ${premain.toFixed(3)} | ${traced} | ${off.toFixed(1)} % | ${untraced} |`,
    ),
  ]
}
