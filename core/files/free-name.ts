import { existsSync } from 'node:fs'

/** A name beside the file that nothing has yet: what was kept earlier must not be overwritten either. */
export function freeName(file: string, what: 'set-aside' | 'kept'): string {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-')
  for (let count = 0; ; count += 1) {
    const name = file.replace(/\.json$/, `.${what}-${stamp}${count === 0 ? '' : `-${count}`}.json`)
    if (!existsSync(name)) return name
  }
}
