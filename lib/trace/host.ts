import type { Host } from './types'

export declare function describeHost(): Host
