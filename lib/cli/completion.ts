/** `premain completion`: a script that teaches a shell the commands and options. */
import type { Command, Option } from 'commander'
import { STEPS } from '../plan/catalogue'
import { type CommandModule, type Invocation, usageError } from './command'
import { COMMANDS } from './commands'
import { EXIT } from './exit-codes'

/** One command as a shell sees it. */
interface Known {
  name: string
  summary: string
  options: readonly Option[]
}

/** The command. */
export const completionCommand: CommandModule = { define, run }

const SHELLS: Readonly<Record<string, (known: readonly Known[]) => string>> = { bash, zsh, fish }

function define(command: Command): void {
  command
    .description('Writes a completion script to standard output.')
    .argument('<shell>', Object.keys(SHELLS).join(', '))
    .addHelpText(
      'after',
      '\nbash: source <(premain completion bash)\nzsh:  source <(premain completion zsh)\nfish: premain completion fish | source',
    )
}

async function run({ operands, context }: Invocation): Promise<number> {
  const script = SHELLS[operands[0]!]
  if (!script)
    throw usageError(`no shell ${JSON.stringify(operands[0])}`, `Shells are ${Object.keys(SHELLS).join(', ')}.`)
  await context.stdout.write(script(knownCommands()))
  return EXIT.done
}

function knownCommands(): Known[] {
  const { Command } = require('commander') as typeof import('commander')
  const commands = Object.entries(COMMANDS).map(([name, { summary, load }]) => {
    const parser = new Command(name)
    load().define(parser)
    return { name, summary, options: parser.options.filter(({ hidden }) => !hidden) }
  })
  return [...commands, { name: 'help', summary: 'how a command is called', options: [] }]
}

/** What an option's value can be, where that is a list; null for any word, undefined for none at all. */
function valuesOf(option: Option): readonly string[] | null | undefined {
  if (!option.required) return undefined
  if (option.long === '--until') return STEPS.map(({ id }) => id)
  return option.argChoices ?? null
}

function flagsOf({ short, long }: Option): string[] {
  return [short, long].filter((flag) => flag !== undefined)
}

/** What a command's argument can be, where that is a list; null for a program and its arguments. */
function operandsOf(name: string): readonly string[] | null {
  if (name === 'explain') return STEPS.map(({ id }) => id)
  if (name === 'help') return Object.keys(COMMANDS)
  return name === 'completion' ? Object.keys(SHELLS) : null
}

function bash(known: readonly Known[]): string {
  const withValue = known.flatMap(({ options }) => options.filter(({ required }) => required).flatMap(flagsOf))
  const lists = known.flatMap(({ name, options }) =>
    options.flatMap((option) => {
      const values = valuesOf(option)
      return values ? [`    '${name} ${option.long}') _premain_fill -W '${values.join(' ')}'; return;;`] : []
    }),
  )
  const flags = known.map(({ name, options }) => {
    return `    ${name}) flags='${[...options.flatMap(flagsOf), '--help'].join(' ')}' operands='${operandsOf(name)?.join(' ') ?? ''}';;`
  })
  const names = known.map(({ name }) => name)
  return `# premain completion for bash
_premain_fill() { mapfile -t COMPREPLY < <(compgen "$@" -- "$cur"); }
_premain() {
  local cur=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=trace at=1 flags operands
  COMPREPLY=()
  case \${COMP_WORDS[1]} in
    ${names.join('|')}) if (( COMP_CWORD > 1 )); then command=\${COMP_WORDS[1]}; at=2; fi;;
  esac
  while (( at < COMP_CWORD )); do
    case \${COMP_WORDS[at]} in
      ${[...new Set(withValue)].join('|')}) (( at += 2 ));;
      -*) (( at += 1 ));;
      *) _premain_fill -f; return;;
    esac
  done
  case "$command $previous" in
${lists.join('\n')}
  esac
  if (( at > COMP_CWORD )); then _premain_fill -f; return; fi
  case $command in
${flags.join('\n')}
  esac
  if [[ $cur == -* ]]; then _premain_fill -W "$flags"
  elif [[ $operands ]]; then _premain_fill -W "$operands"
  elif (( COMP_CWORD == 1 )); then _premain_fill -fc -W '${names.join(' ')}'
  else _premain_fill -fc
  fi
}
complete -o filenames -F _premain premain
`
}

function zsh(known: readonly Known[]): string {
  const commands = known.map(({ name, summary }) => `'${name}:${quoted(summary)}'`)
  const cases = known.map(({ name, options }) => {
    const list = operandsOf(name)
    const operand = list ? `'1:argument:(${list.join(' ')})'` : `'1:program:_command_names -e'`
    return `    ${name}) _arguments -S ${options.flatMap(zshOption).join(' ')} ${operand} '*:argument:_files';;`
  })
  return `#compdef premain
# premain completion for zsh
_premain() {
  local -a commands
  commands=(${commands.join(' ')})
  local command=trace
  if (( CURRENT > 2 )) && [[ -n \${commands[(r)\${words[2]}:*]} ]]; then
    command=\${words[2]}; shift words; (( CURRENT -= 1 ))
  elif (( CURRENT == 2 )); then
    _describe command commands
  fi
  case $command in
${cases.join('\n')}
  esac
}
compdef _premain premain
`
}

function zshOption(option: Option): string[] {
  const values = valuesOf(option)
  const text = quoted(option.description).replace(/[[\]:]/g, '\\$&')
  const value = values === undefined ? '' : values === null ? ':value:_files' : `:value:(${values.join(' ')})`
  return flagsOf(option).map((flag) => `'*${flag}[${text}]${value}'`)
}

function fish(known: readonly Known[]): string {
  const names = known.map(({ name }) => name).join(' ')
  const lines = known.flatMap(({ name, summary, options }) => [
    ...(operandsOf(name) ?? []).map(
      (word) => `complete -c premain -n '__fish_seen_subcommand_from ${name}' -a ${word}`,
    ),
    `complete -c premain -n __fish_is_first_token -a ${name} -d '${quoted(summary)}'`,
    ...options.map((option) => fishOption(option, condition(name, names))),
  ])
  return `# premain completion for fish\n${lines.join('\n')}\n`
}

function condition(name: string, names: string): string {
  const named = `__fish_seen_subcommand_from ${name}`
  return name === 'trace' ? `${named}; or not __fish_seen_subcommand_from ${names}` : named
}

function fishOption(option: Option, when: string): string {
  const values = valuesOf(option)
  return [
    `complete -c premain -n '${when}'`,
    option.short ? `-s ${option.short.slice(1)}` : '',
    `-l ${option.long!.slice(2)}`,
    values === undefined ? '' : values === null ? '-r' : `-x -a '${values.join(' ')}'`,
    `-d '${quoted(option.description)}'`,
  ]
    .filter(Boolean)
    .join(' ')
}

/** For single quotes in a shell: an apostrophe would end them. */
function quoted(text: string): string {
  return text.replaceAll("'", '’')
}
