import { testAgainstGdb } from './gdb'
import { fixtures } from './subjects'

fixtures.forEach(testAgainstGdb)
