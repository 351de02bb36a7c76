import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** An import, or the path of a module that is started as a process or thread. Types are no relation. */
const TYPE_IMPORT = /^(im|ex)port type\s[^'"]*?from '[^']+'/gm
const MODULE_PATH = /'(\.{1,2}\/[^'\s]+\.(?:tsx?|mjs))'/g
/** The name of a worker in cli/workers, with which tests and the command line start it. */
const WORKER_NAME = /\b(?:worker|workerScript)\('([a-z-]+)'\)/g

/**
 * Returns a function that lists the tests that load a file, directly or through others, those first that are the fewest
 * imports away. Vitest's own list (`vitest related`) loads all tests to find it, and has no order.
 * @param directory of the project.
 * @param tests glob patterns of the test files, from the directory.
 */
export function relate(directory: string, tests: string[]): (file: string) => string[] {
  const importers = new Map<string, string[]>()
  for (const file of globSync(['{core,cli,electron,renderer,build,test}/**/*.{ts,tsx,mjs}'], {
    cwd: directory,
  })) {
    const text = readFileSync(path.join(directory, file), 'utf8').replaceAll(TYPE_IMPORT, '')
    const paths = [...text.matchAll(MODULE_PATH)].map(([, name = '']) =>
      path.posix.join(path.posix.dirname(file), name),
    )
    const workers = [...text.matchAll(WORKER_NAME)].map(([, name = '']) => `cli/workers/${name}.ts`)
    for (const imported of [...paths, ...workers]) {
      if (existsSync(path.join(directory, imported)))
        importers.set(imported, [...(importers.get(imported) ?? []), file])
    }
  }
  const testFiles = new Set(globSync(tests, { cwd: directory }))
  return (file) => {
    const found = new Set([file])
    for (const each of found) for (const importer of importers.get(each) ?? []) found.add(importer)
    return [...found].filter((each) => testFiles.has(each))
  }
}
