import path from 'node:path'

/** True if a path equals another or is below it, by their text. */
export function isInside(file: string, directory: string, system: path.PlatformPath = path): boolean {
  const inner = system.relative(directory, file)
  return inner !== '..' && !inner.startsWith(`..${system.sep}`) && !system.isAbsolute(inner)
}
