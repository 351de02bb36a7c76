import path from 'node:path'
import { pathToFileURL } from 'node:url'

const built = process.env.HOLDFAST_COMMAND_SCRIPT
const sources = path.resolve(import.meta.dirname, '../../../cli')

/** The script of the command line: as it was built, if `npm test` passes that, else its source. */
export const commandScript = built ?? path.join(sources, 'holdfast.ts')

/** Returns the script of a worker or a thread, built with the command line, or its source. */
export function workerScript(name: string): URL {
  return pathToFileURL(
    built === undefined
      ? path.join(sources, 'workers', `${name}.ts`)
      : path.join(path.dirname(built), `worker-${name}.js`),
  )
}
