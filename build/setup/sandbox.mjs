// Checks whether Chromium's sandbox is available: by user namespaces, or by its setuid root helper. Without either,
// Chromium exits at once with an unhelpful message.
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { dropError, ifMissing, SetupError } from './project.mjs'

/** The mode that Chromium requires of its helper: setuid, and executable for all users. */
const HELPER_MODE = 0o4755

/**
 * Returns a sentence with the command that enables the sandbox; null if it is available.
 * @typedef {object} SandboxFacts contents of the kernel's settings, '' for missing ones.
 * @property {string} restrictedByAppArmor
 * @property {boolean} hasProfile
 * @property {string} unprivileged
 * @property {string} most
 * @property {{ uid: number, mode: number } | null} helper
 * @property {string} file
 *
 * @param {SandboxFacts} facts
 */
export function sandboxProblem({ restrictedByAppArmor, hasProfile, unprivileged, most, helper, file }) {
  const keptByAppArmor = restrictedByAppArmor === '1' && !hasProfile
  if (!keptByAppArmor && unprivileged !== '0' && most !== '0') return null
  // An Electron without the helper file has another method, or none that a command could enable.
  if (helper === null || (helper.uid === 0 && (helper.mode & 0o7777) === HELPER_MODE)) return null
  const quoted = `'${file.replaceAll("'", "'\\''")}'`
  return (
    "Chromium's sandbox cannot work yet: this system keeps user namespaces from ordinary programs. Make the " +
    `sandbox's helper root's, then start again:\n  sudo chown root:root ${quoted} && sudo chmod 4755 ${quoted}`
  )
}

/**
 * Checks this system. Throws a SetupError with instructions. Root always runs without the sandbox.
 * @param {{ directory: string, executable: string }} electron
 */
export async function ensureSandbox({ directory, executable }) {
  if (process.platform !== 'linux' || process.getuid?.() === 0) return
  const file = path.join(directory, 'chrome-sandbox')
  const [restrictedByAppArmor, unprivileged, most, hasProfile, helper] = await Promise.all([
    wordIn('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
    wordIn('/proc/sys/kernel/unprivileged_userns_clone'),
    wordIn('/proc/sys/user/max_user_namespaces'),
    isAllowedByProfile(executable),
    stat(file).catch(ifMissing(null)),
  ])
  const facts = { restrictedByAppArmor, unprivileged, most, hasProfile, helper, file }
  const problem = sandboxProblem(facts)
  if (problem !== null) throw new SetupError(problem)
}

/**
 * Reads a kernel setting; '' if this kernel does not have it, or a container may not read it.
 * @param {string} file
 */
const wordIn = async (file) => (await readFile(file, 'utf8').catch(notReadable(''))).trim()

/**
 * @template T
 * @param {T} instead
 * @returns {(error: unknown) => T}
 */
const notReadable = (instead) => (error) =>
  dropError(error, 'a setting of the system that cannot be read is taken for one that is not there', instead)

/**
 * True if an AppArmor profile grants this program user namespaces.
 * @param {string} executable
 */
async function isAllowedByProfile(executable) {
  const profiles = '/etc/apparmor.d'
  for (const name of await readdir(profiles).catch(notReadable(/** @type {string[]} */ ([])))) {
    const text = await readFile(path.join(profiles, name), 'utf8').catch(notReadable(''))
    if (text.includes(executable) && text.includes('userns')) return true
  }
  return false
}
