/** The words of the text report, by language, as data. */
import type { StepId } from '../plan/types'
import type { Outcome, StepStatus } from '../trace/types'

/** Languages of the text report. */
export const LANGUAGES = ['en', 'zh'] as const
export type Language = (typeof LANGUAGES)[number]

/** Every word and sentence of the report. `{name}` stands for a value. */
export interface Words {
  columns: { step: string; where: string; address: string; start: string; wall: string; cpu: string; share: string }
  status: Record<StepStatus, string>
  outcome: Record<Outcome, string>
  /** Appended to the outcomes of a program that ended by itself. */
  exitCode: string
  exitSignal: string
  lastStep: string
  totals: string
  corrected: string
  faults: string
  overhead: string
  crossings: string
  inits: string
  runtimeInits: string
  notShown: string
  functions: string
  runtime: string
  notes: string
  missed: string
  notReached: string
  stderr: string
  /** These times, and those of system calls, are the stops’ own: unlike the steps’, they have what premain held in them. */
  stops: string
  registers: string
  maps: string
  backtrace: string
  syscalls: string
  environment: string
  source: string
  descendants: string
  steps: Partial<Record<StepId, string>>
}

const EN: Words = {
  columns: {
    step: 'step',
    where: 'at',
    address: 'address',
    start: 'start ms',
    wall: 'wall ms',
    cpu: 'cpu ms',
    share: 'share',
  },
  status: {
    observed: 'observed',
    derived: 'derived',
    'not-applicable': 'not applicable',
    'not-reached': 'not reached',
    missed: 'missed',
  },
  outcome: {
    'reached-main': 'reached main.main',
    'reached-until': 'reached the end that was asked for',
    'reached-entry': 'reached the entry point',
    exited: 'ended before main.main',
    killed: 'was killed before main.main',
    'exec-failed': 'was not executed',
    timeout: 'timed out',
    aborted: 'was interrupted',
  },
  exitCode: 'exit code {code}',
  exitSignal: '{signal}',
  lastStep: 'in step {index}, {id}',
  totals: '{outcome}: {wall} wall, {cpu} CPU',
  corrected: ' ({cpu} without tracing)',
  faults: '{minor} minor and {major} major page faults; threads: {threads}',
  overhead: 'tracing: {stops} stops, held for {held} in all, {each} each',
  crossings: '; {count} across cores',
  inits: 'Package inits: {wall} in {functions} functions of {packages} packages',
  runtimeInits: ' ({wall} the runtime’s own)',
  notShown: 'all others ({count})',
  functions: '{count} functions',
  runtime: 'runtime',
  notes: 'Notes',
  missed: 'missed, which is a defect of premain or of its plan: {reason}',
  notReached: 'not reached: {reason}',
  stderr: 'The last that it wrote to standard error:',
  stops: 'Stops that were asked for (time held included)',
  registers: 'registers',
  maps: 'memory maps',
  backtrace: 'backtrace',
  syscalls: 'System calls (time held included)',
  environment: 'Environment',
  source: 'source',
  descendants: 'Child process {pid} {path}: {fate}',
  steps: {},
}

const ZH: Words = {
  columns: {
    step: '步骤',
    where: '位置',
    address: '地址',
    start: '开始 ms',
    wall: '用时 ms',
    cpu: 'CPU ms',
    share: '占比',
  },
  status: {
    observed: '已观测',
    derived: '推导',
    'not-applicable': '不适用',
    'not-reached': '未到达',
    missed: '遗漏',
  },
  outcome: {
    'reached-main': '到达 main.main',
    'reached-until': '到达指定的终点',
    'reached-entry': '到达入口点',
    exited: '在 main.main 之前退出',
    killed: '在 main.main 之前被终止',
    'exec-failed': '未能执行',
    timeout: '超时',
    aborted: '被中断',
  },
  exitCode: '退出码 {code}',
  exitSignal: '信号 {signal}',
  lastStep: '停在第 {index} 步 {id}',
  totals: '{outcome}：用时 {wall}，CPU {cpu}',
  corrected: '（不含跟踪 {cpu}）',
  faults: '次缺页 {minor} 次，主缺页 {major} 次；线程 {threads} 个',
  overhead: '跟踪：停顿 {stops} 次，共 {held}，每次 {each}',
  crossings: '；{count} 次跨核',
  inits: '包初始化：{packages} 个包的 {functions} 个函数，{wall}',
  runtimeInits: '（其中运行时自身 {wall}）',
  notShown: '其余 {count} 个包',
  functions: '{count} 个函数',
  runtime: '运行时',
  notes: '说明',
  missed: '遗漏（premain 的缺陷）：{reason}',
  notReached: '未到达：{reason}',
  stderr: '程序最后写到标准错误的内容：',
  stops: '指定的停点（含停顿时间）',
  registers: '寄存器',
  maps: '内存映射',
  backtrace: '调用栈',
  syscalls: '系统调用（含停顿时间）',
  environment: '环境变量',
  source: '源码',
  descendants: '子进程 {pid} {path}：{fate}',
  steps: {
    execve: '内核替换进程映像',
    image: '读取 ELF 并映射各 PT_LOAD',
    stack: '内核布置初始栈',
    interp: '动态链接器映射与重定位',
    entry: '控制到达 ELF 入口点',
    rt0: 'rt0_go 将 g0、m0 绑定到线程',
    args: 'runtime.args 读取 argc、argv、auxv',
    osinit: 'runtime.osinit 查询 CPU 与页大小',
    schedinit: 'runtime.schedinit 开始，校验模块数据',
    mallocinit: '保留堆的元数据',
    modules: '哈希、模块、类型链接与 itab 可用',
    procs: '参数、环境、GC 与各 P',
    newproc: '创建主 goroutine',
    mstart: 'm0 调度它：mstart → schedule → gogo → runtime.main',
    sysmon: 'sysmon 启动，运行时自身初始化，启用 GC',
    inits: '各包初始化，依赖在先',
    main: '调用 main.main',
  },
}

/** The words of each language. */
export const WORDS: Readonly<Record<Language, Words>> = { en: EN, zh: ZH }

/** Puts values into a sentence: `fill('{n} stops', { n: 3 })`. */
export function fill(sentence: string, values: Record<string, string | number>): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}
