import { globSync } from 'node:fs'
import path from 'node:path'
import { API } from 'typescript/unstable/sync'
import { createRandom } from '../soak/faults.ts'
import { ELSEWHERE_FILES, type Fault, folderOf, listFaults, takeOne } from './faults.ts'

/**
 * Draws faults: from each folder of core in turn, one of its places at random. A fault that the type checker refuses is
 * drawn again; an import or variable that is left unused is no reason.
 * @param directory of the project.
 */
export function drawFaults(directory: string, seed: number, count: number): Fault[] {
  const random = createRandom(seed)
  const checker = openChecker(directory)
  try {
    const files = globSync('core/*/**/*.ts', { cwd: directory }).sort()
    const folders = [...new Set(files.map(folderOf))]
    const order = Array.from({ length: folders.length }, () => takeOne(folders, random) ?? '')
    const sites = new Map(
      order.map((folder) => {
        const own = files.filter((file) => folderOf(file) === folder && !ELSEWHERE_FILES.test(file))
        return [folder, own.flatMap((file) => listFaults(file, checker.source(file)))]
      }),
    )
    const drawn: Fault[] = []
    for (
      let turn = 0;
      drawn.length < count && [...sites.values()].some(({ length }) => length > 0);
      turn += 1
    ) {
      const all = sites.get(order[turn % order.length] ?? '') ?? []
      let fault = takeOne(all, random)
      while (fault !== undefined && !checker.accepts(fault)) fault = takeOne(all, random)
      if (fault !== undefined) drawn.push(fault)
    }
    return drawn
  } finally {
    checker.close()
  }
}

/** Applies a fault to its file's text. */
export const withFault = (text: string, fault: Fault): string =>
  text.slice(0, fault.start) + fault.text + text.slice(fault.end)

/** Checks the types of a project of which one file at a time is replaced in memory. */
function openChecker(directory: string) {
  const replaced = new Map<string, string>()
  const api = new API({ cwd: directory, fs: { readFile: (file) => replaced.get(file) } })
  const open = (changed: string[]) => {
    const snapshot = api.updateSnapshot(
      changed.length === 0
        ? { openProjects: [path.join(directory, 'tsconfig.json')] }
        : { fileChanges: { changed } },
    )
    const [project] = snapshot.getProjects()
    if (project === undefined) throw new Error(`${directory} has no tsconfig.json.`)
    return project.program
  }
  const original = open([])
  const source = (file: string) => {
    const found = original.getSourceFile(path.join(directory, file))
    if (found === undefined) throw new Error(`${file} is no part of tsconfig.json.`)
    return found
  }
  let last: string | undefined
  return {
    source,
    /** True if the file with the fault has no type error. */
    accepts(fault: Fault): boolean {
      const file = path.join(directory, fault.file)
      const changed = last === undefined || last === file ? [file] : [last, file]
      replaced.clear()
      replaced.set(file, withFault(source(fault.file).text, fault))
      last = file
      const program = open(changed)
      const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
      return found.every(({ reportsUnnecessary }) => reportsUnnecessary)
    },
    close: () => api.close(),
  }
}
