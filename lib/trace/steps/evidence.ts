/** The evidence of every step, by its id. */
import type { StepId } from '../../plan/types'
import {
  type ArgsEvidence,
  argsEvidence,
  type EntryEvidence,
  entryEvidence,
  type Rt0Evidence,
  rt0Evidence,
} from './entry'
import { type MallocinitEvidence, mallocinitEvidence } from './heap'
import { type InitsEvidence, initsEvidence } from './inits'
import {
  type ExecveEvidence,
  execveEvidence,
  type ImageEvidence,
  type InterpEvidence,
  imageEvidence,
  interpEvidence,
  type StackEvidence,
  stackEvidence,
} from './kernel'
import { type MainEvidence, mainEvidence } from './main'
import {
  type ModulesEvidence,
  modulesEvidence,
  type OsinitEvidence,
  osinitEvidence,
  type ProcsEvidence,
  procsEvidence,
  type SchedinitEvidence,
  schedinitEvidence,
} from './runtime'
import type { Scene } from './scene'
import {
  type MstartEvidence,
  mstartEvidence,
  type NewprocEvidence,
  newprocEvidence,
  type SysmonEvidence,
  sysmonEvidence,
} from './schedule'

/** What `Step.evidence` holds, by step, unless the step was not reached: then it is empty. */
export interface EvidenceByStep {
  execve: ExecveEvidence
  image: ImageEvidence
  stack: StackEvidence
  interp: InterpEvidence
  entry: EntryEvidence
  rt0: Rt0Evidence
  args: ArgsEvidence
  osinit: OsinitEvidence
  schedinit: SchedinitEvidence
  mallocinit: MallocinitEvidence
  modules: ModulesEvidence
  procs: ProcsEvidence
  newproc: NewprocEvidence
  mstart: MstartEvidence
  sysmon: SysmonEvidence
  inits: InitsEvidence
  main: MainEvidence
}

/** How each step's evidence is made. */
export const EVIDENCE: { readonly [K in StepId]: (scene: Scene) => EvidenceByStep[K] } = {
  execve: execveEvidence,
  image: imageEvidence,
  stack: stackEvidence,
  interp: interpEvidence,
  entry: entryEvidence,
  rt0: rt0Evidence,
  args: argsEvidence,
  osinit: osinitEvidence,
  schedinit: schedinitEvidence,
  mallocinit: mallocinitEvidence,
  modules: modulesEvidence,
  procs: procsEvidence,
  newproc: newprocEvidence,
  mstart: mstartEvidence,
  sysmon: sysmonEvidence,
  inits: initsEvidence,
  main: mainEvidence,
}
