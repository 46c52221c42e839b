"""Run by gdb: starts the program `spec['runs']` times, and at each address of `spec['addresses']` writes down what gdb
shows: the registers, the maps and the code. Prints one line of JSON."""
import json

import gdb

SETTINGS = [
    'confirm off',
    'pagination off',
    'startup-with-shell off',
    'disable-randomization on',
    'print demangle off',
    'print asm-demangle off',
    # Libraries' symbols are not wanted, and take seconds to read.
    'sysroot /nonexistent',
    'auto-solib-add off',
]
for setting in SETTINGS:
    gdb.execute('set ' + setting)
# gdb would add these to the program's environment.
for name in ['LINES', 'COLUMNS']:
    gdb.execute('unset environment ' + name)


def register(name):
    return '0x%x' % (int(gdb.parse_and_eval('$' + name)) & 0xFFFFFFFFFFFFFFFF)


def shown():
    inferior = gdb.selected_inferior()
    with open('/proc/%d/maps' % inferior.pid) as maps:
        return {
            'symbol': gdb.execute('info symbol $pc', to_string=True).strip(),
            'registers': {name: register(name) for name in spec['registers']},
            'maps': maps.read(),
            'code': inferior.read_memory(int(gdb.parse_and_eval('$pc')), spec['length']).tobytes().hex(),
        }


def run():
    gdb.execute('starti', to_string=True)
    stops = []
    for address in spec['addresses']:
        # A static program starts at its entry point, where a breakpoint would not be hit any more.
        if int(gdb.parse_and_eval('$pc')) != int(address, 16):
            gdb.execute('tbreak *' + address, to_string=True)
            gdb.execute('continue', to_string=True)
        stops.append(shown())
    gdb.execute('kill', to_string=True)
    return stops


print('\n' + json.dumps([run() for _ in range(spec['runs'])]))
