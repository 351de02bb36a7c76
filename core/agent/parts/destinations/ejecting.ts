import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ignoreError } from '../../../dropped-errors.ts'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { findMount, identifyMount, type Mount, readMounts } from '../../../platform/mounts.ts'
import { errorCode, errorText } from '../../../platform/system-error.ts'
import type { Ejected, FolderDestination } from '../../../settings/destination-schema.ts'
import { getEjected, getFolder, withEjected } from '../../../settings/destinations.ts'
import type { AgentServices, Part } from '../../services.ts'
import type { SettingsContext } from '../../settings-context.ts'
import { getFolderDirectory } from '../../workers/configs.ts'
import type { EjectResult } from './contract.ts'

// Ejecting a folder destination: Holdfast stops using its disk, closes everything there and unmounts it if it may. The
// absence is planned from then on, until the disk was away and is back, or a person chooses to use it again.

/** Time limit for a program that syncs or unmounts a disk, in milliseconds. */
const PROGRAM_MS = 5_000
/** Time limit for unmounting while the disk is busy: another program may be just leaving. */
const BUSY_MS = 5_000
const RETRY_MS = 250
/** Interval between two queries of a disk where the system lists no mounts, as on Windows. */
const INSPECT_EVERY_MS = 5_000
/** Delay after settings that could not be saved. */
const RETRY_SAVING_MS = 60_000

/**
 * Stops using a folder, closes everything on its disk, and unmounts the disk if this user may.
 * @throws UserError refuse.noSuchDestination, refuse.ejectKind, refuse.ejectRestoring
 */
export async function eject(context: SettingsContext, id: string): Promise<EjectResult> {
  const folder = getFolder(context.settings.get(), id)
  const { name } = folder
  if (context.isRestoring(folder)) throw new UserError('refuse.ejectRestoring', { name })
  const mounts = readMounts()
  const point = findPoint(context, folder, mounts)
  const save = (seen: Ejected['seen']) => {
    const since = folder.ejected?.since ?? Date.now()
    context.change((settings) => withEjected(settings, id, { since, point, seen }))
  }
  save(point === null ? null : mounts === null ? PRESENT : identifyMount(mounts, point))
  const isReleased = await context.release(folder)
  const stays = (sentence: Message, command: string | null = null) => ({
    removable: false,
    sentence,
    command,
  })
  const done = { removable: true, sentence: message('eject.done', { name }), command: null }
  if (!isReleased) return stays(message('eject.late', { name }))
  if (point === null) return stays(message('eject.system', { name }))
  if (mounts === null) return stays(message('eject.unlisted', { name }))
  const others = findOthers(context, folder, point, mounts)
  if (others.length > 0) return stays(message('eject.shared', { name, names: others.join(', ') }))
  const mount = mounts.findLast((one) => one.point === point)
  if (identifyMount(mounts, point) === null || mount === undefined) return done
  await runProgram('sync', ['-f', point])
  const refusal = await unmount(mount)
  if (refusal !== null) return stays(message(`eject.${refusal}`, { name, point }), formatUnmount(mount))
  // A person may have chosen to use it again meanwhile.
  if (getEjected(context.settings.get()).some((one) => one.id === id)) save(null)
  return done
}

/** Identifies a disk where the system lists no mounts. */
const PRESENT = 'present'

/** Returns the mount point of a folder's disk; null: it is the disk that the computer or Holdfast itself runs on. */
function findPoint(
  { knownPoint, layout }: SettingsContext,
  { id, path, ejected }: FolderDestination,
  mounts: readonly Mount[] | null,
): string | null {
  if (mounts === null) return path
  // An absent disk is remembered only by its checks, or since it was ejected.
  const point = knownPoint(id) ?? ejected?.point ?? findMount(mounts, path)?.point ?? '/'
  const isOwn = findMount(mounts, layout.directory)?.point === point
  return point === '/' || isOwn ? null : point
}

/** Returns the names of everything else on a disk that Holdfast uses. */
function findOthers(
  { settings }: SettingsContext,
  { id }: FolderDestination,
  point: string,
  mounts: readonly Mount[],
): string[] {
  const { sources, checkedPaths, destinations, receive } = settings.get()
  const all = [
    ...sources.map(({ name, path }) => ({ name, path })),
    ...checkedPaths.map(({ path }) => ({ name: path, path })),
    ...destinations.flatMap((one) =>
      one.kind === 'folder' && one.id !== id && one.ejected === undefined ? [one] : [],
    ),
    ...(receive === null ? [] : [{ name: receive.directory, path: receive.directory }]),
  ]
  return all.filter(({ path }) => findMount(mounts, path)?.point === point).map(({ name }) => name)
}

/** Unmounts a disk as a file manager does, or as root. Returns the reason why it is still mounted; null: it is not. */
async function unmount(mount: Mount): Promise<'busy' | 'mounted' | null> {
  const isDevice = mount.source.startsWith('/dev/')
  const programs: [string, string[]][] =
    process.platform === 'darwin'
      ? [['diskutil', ['unmount', mount.point]]]
      : [
          // Allowed to a person at the screen for a removable disk.
          ...(isDevice
            ? [['udisksctl', ['unmount', '--no-user-interaction', '-b', mount.source]] as [string, string[]]]
            : []),
          // Allowed to root, and to all for a disk with the option "user" in /etc/fstab.
          ['umount', ['--', mount.point]],
        ]
  const endMs = performance.now() + BUSY_MS
  for (;;) {
    let isBusy = false
    for (const [program, args] of programs) {
      const failure = await runProgram(program, args)
      // The table decides: udisks may have unmounted another mount of the same device.
      if (identifyMount(readMounts() ?? [], mount.point) === null) return null
      isBusy ||= failure !== null && /busy/i.test(failure)
    }
    if (!isBusy) return 'mounted'
    if (performance.now() > endMs) return 'busy'
    await delay(RETRY_MS)
  }
}

/** Runs a program of the system. Returns its error message; null: it succeeded. */
async function runProgram(program: string, args: readonly string[]): Promise<string | null> {
  const env = { ...process.env, LC_ALL: 'C' }
  return promisify(execFile)(program, args, { env, timeout: PROGRAM_MS, killSignal: 'SIGKILL' }).then(
    () => null,
    (error: unknown) => {
      const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
      return stderr === '' ? (errorCode(error) ?? errorText(error)) : stderr
    },
  )
}

const formatUnmount = ({ point }: Mount): string =>
  `${process.platform === 'darwin' ? 'diskutil unmount' : 'sudo umount'} ${quote(point)}`

const quote = (word: string) => (/^[\w./@:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

type Services = Pick<AgentServices, 'checker' | 'host' | 'settings' | 'log' | 'change'>

/** Uses ejected folders again once their disks were away and are back. */
export class EjectedDisks implements Part {
  readonly #agent: Services
  #isLooking = false
  #nextMs = 0

  constructor(agent: Services) {
    this.#agent = agent
  }

  /** Reads only the mount table while a disk is away or was not unplugged yet. */
  tick(): void {
    if (this.#agent.host.kind === 'once' || this.#isLooking || performance.now() < this.#nextMs) return
    const folders = getEjected(this.#agent.settings.get())
    if (folders.length === 0) return
    this.#isLooking = true
    const mounts = readMounts()
    if (mounts === null) this.#nextMs = performance.now() + INSPECT_EVERY_MS
    void Promise.all(folders.map((folder) => this.#lookAt(folder, mounts)))
      .catch((error: unknown) => {
        this.#nextMs = performance.now() + RETRY_SAVING_MS
        this.#agent.log('warn', `ejected disks: ${errorText(error)}`)
      })
      .finally(() => {
        this.#isLooking = false
      })
  }

  async #lookAt(
    folder: FolderDestination & { ejected: Ejected },
    mounts: readonly Mount[] | null,
  ): Promise<void> {
    const { ejected } = folder
    const { point, seen } = ejected
    if (point === null) return
    let now = mounts === null ? PRESENT : identifyMount(mounts, point)
    if (mounts !== null && now === seen) return
    if (now !== null) {
      const isThere = await this.#isThere(folder)
      if (isThere === null) return
      // The mount point may carry another disk.
      if (isThere && seen !== now) return this.#save(folder, null)
      if (mounts === null && !isThere) now = null
    }
    if (now !== seen) this.#save(folder, { ...ejected, seen: now })
  }

  /** Finds out whether the folder is on the disk that is mounted; null: unknown. */
  async #isThere(folder: FolderDestination): Promise<boolean | null> {
    const facts = await this.#agent.checker
      .request('inspect', { path: getFolderDirectory(folder) })
      .catch(ignoreError('the disk of an ejected folder is inspected again a second later', null))
    return facts === null || facts.code !== null ? null : facts.real !== null
  }

  #save(folder: FolderDestination & { ejected: Ejected }, ejected: Ejected | null): void {
    const { settings } = this.#agent
    // A person may have decided meanwhile.
    const known = getEjected(settings.get()).find(({ id }) => id === folder.id)
    if (known?.ejected.since !== folder.ejected.since) return
    if (ejected === null) this.#agent.log('info', `${folder.name} is back and is used again`)
    this.#agent.change((now) => withEjected(now, folder.id, ejected))
  }
}
