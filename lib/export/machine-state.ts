/** Registers, memory maps and backtraces at each step's main stop, and the system calls. */
import { formatDuration } from '../measure/units'
import type { Frame, Mapping, Step, Stop, SyscallInfo, Trace } from '../trace/types'
import { GAP } from './columns'
import { escapeControls } from './escape'
import { paragraph } from './paragraph'
import type { Style, TextOptions } from './style'

/** The stop that stands for a step: the one at its address, else its first. */
export function mainStop(trace: Trace, step: Step): Stop | undefined {
  const stops = step.stops.map((index) => trace.stops[index]).filter((stop) => stop !== undefined)
  return stops.find((stop) => stop.address === step.address) ?? stops[0]
}

/** A block for each step that has what is asked for; empty when none has. */
export function machineState(trace: Trace, options: TextOptions, style: Style): string {
  const blocks = trace.steps.map((step) => {
    const stop = mainStop(trace, step)
    if (!stop) return ''
    const parts = [
      stop.backtrace ? named(style.words.backtrace, backtraceLines(stop.backtrace)) : [],
      options.registers && stop.registers ? named(style.words.registers, registerLines(stop.registers, style)) : [],
      options.maps && stop.maps ? named(style.words.maps, stop.maps.map(mapLine)) : [],
    ].flat()
    return parts.length === 0 ? '' : [heading(step, stop, style), ...parts].join('\n')
  })
  return blocks.filter(Boolean).join('\n\n')
}

function named(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [`  ${title}`, ...lines.map((line) => `    ${line}`)]
}

function heading(step: Step, stop: Stop, { colors }: Style): string {
  const name = escapeControls(stop.symbol ?? stop.name)
  return `${colors.bold(`${step.index} ${step.id}`)}  ${name} ${colors.dim(stop.address)}`
}

function registerLines(registers: Record<string, string>, { width }: Style): string[] {
  const names = Object.keys(registers)
  const nameWidth = Math.max(...names.map((name) => name.length))
  const cells = names.map((name) => `${name.padStart(nameWidth)} ${registers[name]!.padEnd(18)}`)
  const perLine = Math.max(1, Math.floor((width - 4 + GAP) / (nameWidth + 1 + 18 + GAP)))
  const lines: string[] = []
  for (let at = 0; at < cells.length; at += perLine) {
    lines.push(
      cells
        .slice(at, at + perLine)
        .join(' '.repeat(GAP))
        .trimEnd(),
    )
  }
  return lines
}

function mapLine({ start, end, perms, role, path }: Mapping): string {
  return `${start.slice(2)}-${end.slice(2)} ${perms} ${role.padEnd(10)} ${escapeControls(path)}`.trimEnd()
}

function backtraceLines(frames: readonly Frame[]): string[] {
  return frames.map((frame) => {
    const line = frame.file === null ? '' : `  ${frame.file}:${frame.line}`
    return escapeControls(`${frame.address} ${shownFunction(frame)}${line}`)
  })
}

/** A frame's function; one that was inlined as Go's own tracebacks show it: `main.small(...)`. */
export function shownFunction({ function: name, inlined }: Frame): string {
  return `${name ?? '?'}${inlined ? '(...)' : ''}`
}

/** The system calls in order, as strace shows them, with their time and duration. */
export function syscallLines(trace: Trace, style: Style): string {
  const calls = trace.syscalls ?? []
  if (calls.length === 0) return ''
  const lines = calls.map((call) => syscallLine(call, style))
  return [style.colors.bold(style.words.syscalls), ...lines].join('\n')
}

/** Cells of the time before a system call, and of the gap behind it. */
const TIME = 9 + GAP

/** Longer calls go on below their names. */
function syscallLine({ name, args, result, atNs, wallNs }: SyscallInfo, { width, colors }: Style): string {
  const duration = formatDuration(wallNs)
  const text = escapeControls(`${name}(${args.join(', ')}) = ${result}`)
  const lines = paragraph(text, width - GAP - duration.length, TIME)
  const time = formatDuration(atNs).padStart(TIME - GAP)
  return `${time}${lines.slice(TIME - GAP)}${' '.repeat(GAP)}${colors.dim(duration)}`
}
