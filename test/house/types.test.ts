/** The public types as users meet them: checked by the compiler (the gate's part `types`), and that they say what is so. */
import { expectTypeOf } from 'expect-type'
import type { Image, LiveStop, Session, StepId, Trace, TraceOptions } from '../../lib'
import * as premain from '../../lib'

test('the functions are those of the contract', () => {
  const functions = ['trace', 'launch', 'inspect', 'measure', 'compare', 'check']
  const exported = new Map<string, unknown>(Object.entries(premain))
  for (const name of functions) expect([name, typeof exported.get(name)]).toEqual([name, 'function'])
  expect(premain.steps.map((step) => step.index)).toEqual(Array.from({ length: 17 }, (_, index) => index + 1))
})

test('signatures are those of spawn: (file, args?, options?) and (file, options?)', () => {
  expectTypeOf(premain.trace).toBeCallableWith('./hello')
  expectTypeOf(premain.trace).toBeCallableWith('./hello', ['-v'])
  expectTypeOf(premain.trace).toBeCallableWith('./hello', ['-v'], { timeout: 1, until: 'schedinit' })
  expectTypeOf(premain.trace).returns.resolves.toEqualTypeOf<Trace>()
  expectTypeOf(premain.launch).returns.toEqualTypeOf<Session<Trace>>()
  expectTypeOf(premain.inspect).returns.resolves.toEqualTypeOf<Image>()
  // @ts-expect-error: an option that does not exist
  expectTypeOf(premain.trace).toBeCallableWith('./hello', ['-v'], { timeOut: 1 })
})

test('a trace is plain data: no bigint, no function, no date', () => {
  type Plain<T> = T extends bigint | Date | Map<unknown, unknown> | ((...args: never[]) => unknown)
    ? never
    : T extends object
      ? { [K in keyof T]: Plain<T[K]> }
      : T
  expectTypeOf<Plain<Trace>>().toEqualTypeOf<Trace>()
  expectTypeOf<Plain<Image>>().toEqualTypeOf<Image>()
})

test('a live stop has bigint addresses and asynchronous reads', () => {
  expectTypeOf<LiveStop['registers']['rip']>().toEqualTypeOf<bigint>()
  expectTypeOf<LiveStop['readMemory']>().parameters.toEqualTypeOf<[address: bigint, length: number]>()
  expectTypeOf<LiveStop['readMemory']>().returns.resolves.toEqualTypeOf<Buffer>()
  expectTypeOf<Session<Trace>>().toExtend<AsyncIterable<LiveStop> & AsyncDisposable>()
})

test('a step of the contract is a name, and `until` takes Go symbols too', () => {
  expectTypeOf<'schedinit'>().toExtend<StepId>()
  expectTypeOf<NonNullable<TraceOptions['until']>>().toEqualTypeOf<string>()
})
