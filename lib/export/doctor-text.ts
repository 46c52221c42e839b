/** What a machine lets premain do, for people. */
import type { Doctor, DoctorCheck } from '../doctor/types'
import { escapeControls } from './escape'
import { paragraph } from './paragraph'
import { type Style, styleOf, type TextOptions } from './style'

/** The answer as text of at most `options.width` columns. */
export function toDoctorText(doctor: Doctor, options: TextOptions): string {
  const style = styleOf(options)
  const { able, cause, fix, checks } = doctor
  const head = able ? 'premain can trace here.' : `premain cannot trace here: ${cause}.`
  const sections = [
    style.colors.bold(paragraph(escapeControls(head), style.width)),
    checks.map((check) => line(check, style)).join('\n'),
    labelled(surroundings(doctor), style),
    able || fix === null ? '' : paragraph(escapeControls(fix.split(' Docker: ')[0] ?? fix), style.width),
    labelled(
      doctor.fixes.map(({ where, text }) => [where, text]),
      style,
    ),
  ]
  return `${sections.filter(Boolean).join('\n\n')}\n`
}

const MARKS = { ok: '●', limited: '◐', failed: '✗' } as const

function line({ status, title, detail, errno, fix }: DoctorCheck, { width, colors }: Style): string {
  const mark = { ok: colors.green, limited: colors.yellow, failed: colors.red }[status](MARKS[status])
  const more = [errno === null ? '' : ` (${errno})`, status === 'limited' && fix !== null ? `: ${fix}` : ''].join('')
  const text = paragraph(escapeControls(`${title}: ${detail}${more}`), width - 2)
  return `${mark} ${text.replaceAll('\n', '\n  ')}`
}

function surroundings({ host, facts }: Doctor): [string, string][] {
  const seccomp = ['none', 'strict', 'a filter'][facts.seccomp ?? 0] ?? String(facts.seccomp)
  return [
    ['kernel', `${host.kernel}${facts.gvisor ? ' (gVisor)' : ''}`],
    ['container', host.container ?? 'none'],
    ['virtual', host.virtualization ?? 'no'],
    ['Yama', facts.yama === null ? 'not there' : `kernel.yama.ptrace_scope is ${facts.yama}`],
    ['seccomp', seccomp],
    ['privileges', facts.noNewPrivileges ? 'no new ones (no_new_privs)' : 'may be gained'],
    ['capability', facts.capSysPtrace ? 'CAP_SYS_PTRACE' : 'no CAP_SYS_PTRACE'],
    ['users', facts.userNamespace ? 'a user namespace' : 'the first user namespace'],
    ['traced by', facts.tracerPid === 0 ? 'nobody' : `${facts.tracerPid} (${facts.tracerName ?? 'unknown'})`],
  ]
}

const LABEL = 12

function labelled(rows: readonly (readonly [string, string])[], { width, colors }: Style): string {
  return rows
    .map(([label, text]) => {
      const lines = paragraph(escapeControls(text), width - LABEL).split('\n')
      return lines.map((one, at) => colors.dim((at === 0 ? label : '').padEnd(LABEL)) + one).join('\n')
    })
    .join('\n')
}
