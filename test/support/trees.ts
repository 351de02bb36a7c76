import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** Files of checks, which come and go while an agent runs. */
const PROBE_FILE = /(^|\/)\.holdfast-probe-/

/** Every regular file below a directory as "path → digest of its bytes"; probe files and names that match `except` are left out. */
export function readTree(directory: string, except: RegExp = /(^|\/)\.holdfast/): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .filter((name) => !except.test(name) && !PROBE_FILE.test(name))
    .sort()
  return Object.fromEntries(files.map((name) => [name, digestFile(path.join(directory, name))]))
}

function digestFile(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
