import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { withFault } from './draw.ts'
import type { Fault } from './faults.ts'

/** A working copy of the project, in which faults are put one by one. */
export interface Copy {
  readonly directory: string
  /** True unless the file has changed at the place of the fault since it was drawn. */
  fits(fault: Fault): boolean
  /** Runs an action with the fault in place, and takes it out again. */
  withFault<T>(fault: Fault, action: () => Promise<T>): Promise<T>
  /** Runs an action without the fault that is in place. */
  withoutFault<T>(action: () => Promise<T>): Promise<T>
  remove(): void
}

/**
 * Copies all files that git tracks or does not ignore, as they are now. The modules are hard links: no test changes them.
 * @param project its directory.
 * @param directory of the copy, on the same file system.
 */
export function createCopy(project: string, directory: string): Copy {
  rmSync(directory, { recursive: true, force: true })
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']
  const deleted = new Set(git(project, ['ls-files', '-z', '--deleted']))
  for (const file of git(project, list).filter((name) => !deleted.has(name)))
    cpSync(path.join(project, file), path.join(directory, file))
  mkdirSync(path.join(directory, 'node_modules'))
  // Caches (.vite, .cache) are written in place, so the copy begins without them.
  for (const name of readdirSync(path.join(project, 'node_modules')))
    if (!name.startsWith('.') || name === '.bin')
      execFileSync('cp', [
        '-al',
        path.join(project, 'node_modules', name),
        path.join(directory, 'node_modules'),
      ])
  // Tools look for the repository that they run in.
  execFileSync('git', ['init', '--quiet', directory])
  let current: { file: string; original: string; faulty: string } | undefined
  return {
    directory,
    fits: ({ file, start, end, before }) =>
      readFileSync(path.join(directory, file), 'utf8').slice(start, end) === before,
    async withFault(fault, action) {
      const file = path.join(directory, fault.file)
      const original = readFileSync(file, 'utf8')
      if (original.slice(fault.start, fault.end) !== fault.before)
        throw new Error(
          `${fault.file} has changed since the fault was drawn. Remove the results and run again.`,
        )
      current = { file, original, faulty: withFault(original, fault) }
      writeFileSync(file, current.faulty)
      try {
        return await action()
      } finally {
        writeFileSync(file, original)
        current = undefined
      }
    },
    async withoutFault(action) {
      if (current === undefined) return action()
      writeFileSync(current.file, current.original)
      try {
        return await action()
      } finally {
        writeFileSync(current.file, current.faulty)
      }
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

const git = (project: string, args: string[]) =>
  execFileSync('git', args, { cwd: project, encoding: 'utf8', maxBuffer: 2 ** 26 })
    .split('\0')
    .filter((name) => name !== '')
