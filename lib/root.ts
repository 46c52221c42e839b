/** Where the package lies. */
import { join } from 'node:path'

/** The package's folder. This file must stay directly below it, one folder deep, when it is compiled. */
export const ROOT: string = join(__dirname, '..')
