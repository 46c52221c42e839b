/**
 * The words that run a command as nobody, by root. It keeps CAP_DAC_READ_SEARCH: a checkout in a folder of root's own can
 * then be read by it. That capability plays no part in tracing. Source: capabilities(7).
 */
export const AS_NOBODY: readonly string[] = [
  'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  '--inh-caps=+dac_read_search',
  '--ambient-caps=+dac_read_search',
]
