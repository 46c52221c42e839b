/** Documents against the JSON Schemas that the package publishes, judged by Ajv. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Ajv, { type ErrorObject } from 'ajv'

const folder = join(__dirname, '..', '..', 'lib', 'schemas')

/**
 * What is wrong with a document by its own schema: that of `document.schema`, such as `premain.trace/1`. Empty when it
 * is as published.
 */
export function schemaFaults(document: { schema: string }): ErrorObject[] {
  const file = join(folder, `${document.schema.replace('/', '-')}.schema.json`)
  const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(file, 'utf8')),
  )
  validate(JSON.parse(JSON.stringify(document)))
  return validate.errors ?? []
}
