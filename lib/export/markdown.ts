/** GitHub-flavoured Markdown, for issues, pull requests and step summaries. */
import { formatDuration } from '../measure/units'
import type { Step, Trace } from '../trace/types'
import { code, details, plain, table } from './ci/markdown'
import { percent } from './columns'
import { initsByPackage } from './inits-table'
import { WORDS } from './words'

const MOST_PACKAGES = 20

const { status: STATUS, outcome: OUTCOME } = WORDS.en

/** The trace as a short document: totals, the 17 steps, the packages with the most init time folded up. */
export function toMarkdown(trace: Trace): string {
  const sections = [heading(trace), summary(trace), stepsTable(trace), reasons(trace), inits(trace)]
  return `${sections.filter(Boolean).join('\n\n')}\n`
}

function heading({ target }: Trace): string {
  return `### ${code([target.path, ...target.argv.slice(1)].join(' '))}`
}

function summary({ outcome, exit, error, totals, target }: Trace): string {
  const ended = exit?.signal ?? (exit?.code == null ? null : `exit code ${exit.code}`)
  const facts = [
    `**${OUTCOME[outcome]}**${ended === null ? '' : ` (${ended})`}`,
    `${formatDuration(totals.wallNs)} wall`,
    `${formatDuration(totals.cpuNs)} CPU`,
    `${totals.minorFaults} minor and ${totals.majorFaults} major page faults`,
    target.go?.version == null ? null : plain(target.go.version),
  ]
  const failure = error === null ? '' : `\n\n> ${error.message.split('\n').map(plain).join('\n> ')}`
  return facts.filter(Boolean).join(', ') + failure
}

function stepsTable(trace: Trace): string {
  const rows = trace.steps.map((step) => [
    `${step.index} ${step.id}`,
    step.symbol === null ? STATUS[step.status] : code(step.symbol),
    ...(hasTime(step)
      ? [formatDuration(step.wallNs), formatDuration(step.cpuNs), percent(step.wallNs, trace.totals.wallNs)]
      : ['', '', '']),
  ])
  return table(['step', 'at', 'wall', 'cpu', 'share'], rows)
}

function hasTime(step: Step): boolean {
  return step.wallNs > 0 || step.cpuNs > 0
}

function reasons(trace: Trace): string {
  return trace.steps
    .filter((step) => step.status === 'not-applicable' || step.status === 'missed')
    .map((step) => `- ${step.id}: ${STATUS[step.status]}: ${plain(step.reason ?? '')}`)
    .join('\n')
}

function inits(trace: Trace): string {
  const packages = initsByPackage(trace.inits)
  if (packages.length === 0) return ''
  const rows = packages
    .slice(0, MOST_PACKAGES)
    .map((one) => [code(one.package), formatDuration(one.wallNs), String(one.functions), one.runtime ? 'runtime' : ''])
  const title = `Package inits: ${trace.inits.length} functions of ${packages.length} packages`
  return details(title, table(['package', 'wall', 'functions', ''], rows))
}
