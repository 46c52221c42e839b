/**
 * premain: shows, times and tests everything a Go program does between `execve` and `main.main`.
 *
 * @packageDocumentation
 */
export { doctor } from './doctor/doctor'
export type { CheckId, Doctor, DoctorCheck, DoctorFacts, PtraceFacts, PtraceFix } from './doctor/types'
export { type ErrorCode, PremainError } from './errors'
export type { ElfInfo, GoInfo, Hex, Segment } from './image/types'
export type { CheckOptions } from './measure/check'
export { type CompareOptions, compare } from './measure/compare'
export type { Config } from './measure/config'
export type { ComparedPrograms, ComparePrograms } from './measure/interleave'
export type { MeasureOptions, Program, Progress } from './measure/options'
export { check, comparePrograms, measure } from './measure/programs'
export type {
  BudgetResult,
  ChainLink,
  CheckResult,
  Clock,
  ComparedSide,
  Comparison,
  Difference,
  DriftResult,
  FailureRate,
  InitSeries,
  Interval,
  Launch,
  Measurement,
  MeasureSettings,
  Metric,
  PackageAllocs,
  PackageSeries,
  Series,
  StepSeries,
  TotalSeries,
  Verdict,
} from './measure/types'
export { formatDuration, parseDuration } from './measure/units'
export { STEPS as steps, type StepInfo } from './plan/catalogue'
export { type Image, inspect } from './plan/inspect'
export type { StepId } from './plan/types'
export type { LiveStop } from './session/live-stop'
export type { Aborting, StdioEntry, StdioOptions, TraceOptions } from './session/options'
export type { ExitInfo, Session, ThreadEvent } from './session/session'
export { launch, trace } from './trace/trace'
export type {
  Descendant,
  ErrorInfo,
  Frame,
  Host,
  Init,
  Mapping,
  Outcome,
  Overhead,
  Step,
  StepStatus,
  Stop,
  SyscallInfo,
  Target,
  ThreadInfo,
  Totals,
  Trace,
} from './trace/types'
