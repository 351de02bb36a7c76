import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseAst } from 'rolldown/parseAst'
import { expect, test } from 'vitest'

const cli = path.resolve(import.meta.dirname, '../../../cli')

/** Returns what a module imports before it runs; types are left out. */
function importsOf(file: string): string[] {
  return parseAst(readFileSync(file, 'utf8'), { lang: 'ts' }).body.flatMap((statement) => {
    if (!('source' in statement) || typeof statement.source?.value !== 'string') return []
    const kind = statement.type === 'ImportDeclaration' ? statement.importKind : statement.exportKind
    if (kind === 'type') return []
    const { value } = statement.source
    return value.startsWith('.') ? path.resolve(path.dirname(file), value) : value
  })
}

/** Returns all modules that are loaded before this one runs, itself among them. */
function loadedWith(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  if (file.startsWith('/')) for (const one of importsOf(file)) loadedWith(one, found)
  return found
}

test('`holdfast check --pipe`: its start loads few modules, no package and no texts', () => {
  const loaded = [...loadedWith(path.join(cli, 'holdfast.ts'))]
  expect(loaded).toContain(path.join(cli, 'check/pipe.ts'))
  const packages = loaded.filter((one) => !one.startsWith('/') && !one.startsWith('node:'))
  expect(packages).toEqual([])
  // These load others of Node.js: child processes, TLS, OpenSSL.
  expect(loaded).not.toContain('node:child_process')
  expect(loaded).not.toContain('node:crypto')
  expect(loaded.filter((one) => one.startsWith('/')).length).toBeLessThan(20)
})
