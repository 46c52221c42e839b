import { testAgainstGdb } from './gdb'
import { realPrograms } from './subjects'

realPrograms.forEach(testAgainstGdb)
