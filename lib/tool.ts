/** What made a document: the package's name and version. */
export const TOOL: { name: 'premain'; version: string } = {
  name: 'premain',
  version: (require('../package.json') as { version: string }).version,
}
