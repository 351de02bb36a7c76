import { warnUnlessCode } from '../dropped-errors.ts'

/**
 * Returns the command that leaves a directory, and what will be in it, to its user, its owner, the system and the
 * administrators alone. The three latter are named by their numbers: Windows translates their names.
 */
export function buildAclCommand(
  directory: string,
  { SystemRoot = 'C:\\Windows', USERDOMAIN = '.', USERNAME = '' }: NodeJS.ProcessEnv,
): string[] {
  // A service of the system has the name of the computer with "$".
  const user = USERNAME === '' || USERNAME.endsWith('$') ? [] : [`${USERDOMAIN}\\${USERNAME}`]
  const grants = [...user, '*S-1-3-4', '*S-1-5-18', '*S-1-5-32-544'].map((who) => `${who}:(OI)(CI)F`)
  return [`${SystemRoot}\\System32\\icacls.exe`, directory, '/inheritance:r', '/grant:r', ...grants]
}

/** Keeps other users out of a new directory on Windows, where its mode does nothing: icacls. Blocks. Never throws. */
export function keepOthersOut(directory: string): void {
  if (process.platform !== 'win32') return
  const [program = '', ...words] = buildAclCommand(directory, process.env)
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { status, error } = spawnSync(program, words, { windowsHide: true, stdio: 'ignore', timeout: 10_000 })
  if (status !== 0)
    warnUnlessCode(error ?? new Error('icacls'), [], `other users may be able to read ${directory}`)
}
