import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { settled } from '../../dropped-errors.ts'
import { createSemaphore, withPermit } from '../../lib/async/semaphore.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { ownKeys } from '../../lib/own-keys.ts'
import type { Encryption } from '../../settings/destination-schema.ts'
import { OWN_DIRECTORY } from '../../store/layout.ts'
import { freeFolder } from '../../store/senders/senders.ts'
import type { OutgoingSource } from '../destination.ts'
import { requireSame } from '../encrypted/age.ts'
import type { Encrypting } from '../encrypted/encrypted-session.ts'
import { isNameKeyFile } from '../encrypted/names.ts'
import { orIf, unlessLost } from '../errors.ts'
import {
  listAll,
  type ObjectInfo,
  type ObjectPage,
  type ObjectStore,
  type PutOptions,
  putOwn,
  readSmall,
} from './object-store.ts'

/** Size limit of an owner file: Holdfast writes no larger one. */
const MOST_BYTES = 4 * 1024 * 1024
/** Number of versions of an owner file to read: one for each source, and some more. */
const MOST_VERSIONS = 1_000
/** Size limit of a key file, which has some hundred bytes. */
const MOST_KEY_BYTES = 16 * 1024

const ownerSchema = z.object({
  /** Fingerprint of the computer's certificate. */
  fingerprint: z.string(),
  /** The computer's name, for messages. */
  computer: z.string(),
  /** Random: a new value means that the folder was started from scratch and lost all earlier files. */
  epoch: z.string().min(1).max(64),
  /** The age recipient of the contents; null: they are not encrypted. */
  recipient: z.string().nullable().default(null),
  /** True if names are encrypted, too. */
  hideNames: z.boolean().default(false),
  /** Files were removed at their source: an older version here may be the only copy, so all versions stay. */
  keepsAll: z.boolean().default(true),
  /** The directory of each source, by its id. */
  sources: z.record(z.string(), z.string()).transform(ownKeys),
})
type Owner = z.infer<typeof ownerSchema>

/** A folder at a destination that belongs to this computer alone. */
export interface OwnFolder {
  readonly epoch: string
  /** True if it had no files of this computer until now. */
  readonly isNew: boolean
  readonly keepsAll: boolean
  /** True if the folder is still the claimed one: a person may empty it, and another computer then claim it. */
  isSame(): Promise<boolean>
  /** Keeps all older versions from now on; resolves once that is recorded. */
  keepAll(): Promise<void>
  /** Returns the source's directory in the folder; a new one is recorded there before this resolves. */
  getDirectory(source: Pick<OutgoingSource, 'id' | 'name'>): Promise<string>
}

const OWNER = `${OWN_DIRECTORY}/owner.json`

/** Returns the name of the file that records the owner of a folder and its sources' directories. */
const ownerFile = (folder: string): string => `${folder}/${OWNER}`

/**
 * Reads the owner of a folder; null: it has none yet.
 * @param at the destination's name.
 * @throws UserError if the file cannot be parsed; BackendError.
 */
export async function readOwner(
  store: ObjectStore,
  folder: string,
  at: string,
  signal: AbortSignal,
): Promise<Owner | null> {
  return readOwnerVersion(store, folder, at, signal, null)
}

/** @param version of the file; null: the current one. */
async function readOwnerVersion(
  store: ObjectStore,
  folder: string,
  at: string,
  signal: AbortSignal,
  version: string | null,
): Promise<Owner | null> {
  const file = ownerFile(folder)
  const bytes = await readSmall(store, file, signal, MOST_BYTES, version).catch(orIf('absent', null))
  if (bytes === null) return null
  try {
    return ownerSchema.parse(JSON.parse(String(bytes)))
  } catch (error) {
    throw new UserError('transfer.objects.ownerBroken', { name: at, folder, file }, { cause: error })
  }
}

/**
 * Reads the owner of a folder to restore from it. If the store keeps the older versions of the file, the oldest one that
 * can be read counts, since nobody else had the key then. Its sources are those of all versions, since one is added at a
 * time; a newer version decides on a source's directory.
 * @param recipient of the identity to restore with: the oldest version for it counts, as a folder may have been begun
 *   again in another way; null: without encryption; undefined: unknown.
 * @throws UserError if none can be parsed; BackendError.
 */
export async function readKeptOwner(
  store: ObjectStore,
  folder: string,
  at: string,
  signal: AbortSignal,
  recipient: string | null | undefined,
): Promise<Owner | null> {
  const older = (await store.versions(ownerFile(folder)).catch(unlessLost)) ?? []
  const slots = createSemaphore(Math.max(1, store.can.parallel))
  const read = ({ version }: Pick<ObjectInfo, 'version'>) =>
    withPermit(slots, () => readOwnerVersion(store, folder, at, signal, version)).catch((error: unknown) => {
      if (error instanceof UserError) return error
      throw error
    })
  const versions = [{ version: null }, ...older].reverse().slice(0, MOST_VERSIONS)
  const all = await Promise.all(versions.map(read))
  const owners = all.flatMap((one) => (one === null || one instanceof UserError ? [] : [one]))
  const first = owners.find((one) => one.recipient === recipient) ?? owners[0]
  const broken = all.find((one) => one instanceof UserError)
  if (first === undefined && broken !== undefined) throw broken
  if (first === undefined) return null
  return { ...first, sources: Object.assign({}, ...owners.map(({ sources }) => sources)) }
}

/**
 * Reads the owner of a folder that this computer may use.
 * @throws UserError if it is another computer's, or inside such a folder, where its files would count as the other's;
 *   see readOwner.
 */
export async function checkOwner(
  store: ObjectStore,
  { folder, at, fingerprint }: Pick<FolderClaim, 'folder' | 'at' | 'fingerprint'>,
  signal: AbortSignal,
): Promise<Owner | null> {
  const outer = await store.above(OWNER)
  if (outer !== null) throw new UserError('transfer.objects.inside', { folder, name: at, outer })
  const owner = await readOwner(store, folder, at, signal)
  if (owner === null || owner.fingerprint === fingerprint) return owner
  const params = { folder, name: at, computer: owner.computer }
  throw new UserError('transfer.objects.foreign', params)
}

const writeOwner = (store: ObjectStore, folder: string, owner: Owner, options: PutOptions): Promise<void> =>
  putOwn(store, ownerFile(folder), Buffer.from(`${JSON.stringify(owner, null, 2)}\n`), options)

/** Writes the key files of Encrypting. @throws BackendError. */
export async function keepNameKeys(
  store: ObjectStore,
  folder: string,
  { keyFiles }: Encrypting,
): Promise<void> {
  for (const { name, bytes } of keyFiles) {
    const file = `${folder}/${OWN_DIRECTORY}/${name}`
    if ((await store.info(file)) === null) await putOwn(store, file, bytes, { replace: true })
  }
}

/** Locks the owner file and the key files anew, which were written with the first file. @throws BackendError. */
export async function renewLocks(
  store: ObjectStore,
  folder: string,
  encrypting: Encrypting | null,
): Promise<void> {
  const keyFiles = encrypting?.keyFiles ?? []
  for (const name of [OWNER, ...keyFiles.map((file) => `${OWN_DIRECTORY}/${file.name}`)])
    await store.renewLock?.(`${folder}/${name}`)
}

/**
 * Returns the encrypted keys of names in a folder.
 * @param at the destination's name. @throws UserError if there are too many; BackendError.
 */
export async function readNameKeys(
  store: ObjectStore,
  folder: string,
  at: string,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const front = `${folder}/${OWN_DIRECTORY}/`
  const place = { at, prefix: `${front}names-` }
  const pick = ({ objects }: ObjectPage) =>
    objects.filter(({ name }) => isNameKeyFile(name.slice(front.length)))
  const present = await listAll((after) => store.list(place.prefix, after, false), pick, place)
  const listRemoved = async (after: string | null) =>
    (await store.removed?.(place.prefix, after, null, true).catch(unlessLost)) ?? null
  const removed = await listAll(listRemoved, pick, place)
  // A file never changes, as its name depends on the key: only its oldest version cannot be somebody else's.
  const read = async ({ name }: ObjectInfo) => {
    const first = (await store.versions(name).catch(unlessLost))?.at(-1)
    return readSmall(store, name, signal, MOST_KEY_BYTES, first?.version)
  }
  return Promise.all([...present, ...removed].map(read))
}

/** The data to claim a folder. */
interface FolderClaim extends Encryption {
  /** The folder's name. */
  folder: string
  /** Fingerprint of this computer's certificate. */
  fingerprint: string
  /** This computer's name. */
  computer: string
  /** The destination's name. */
  at: string
  /** True if this computer has claimed it before. */
  isKnown: boolean
}

/**
 * Claims a folder for this computer. Refuses another computer's folder, and one that has vanished, before any write.
 * @throws UserError, BackendError.
 */
export async function claimFolder(
  store: ObjectStore,
  claim: FolderClaim,
  signal: AbortSignal,
): Promise<OwnFolder> {
  const { folder, fingerprint, computer, at, isKnown, recipient, hideNames } = claim
  let owner = await checkOwner(store, claim, signal)
  const isNew = owner === null
  if (owner === null) {
    if (isKnown && store.can.vanish) throw new UserError('transfer.objects.vanished', { folder, name: at })
    const epoch = randomBytes(16).toString('hex')
    owner = { fingerprint, computer, epoch, recipient, hideNames, keepsAll: false, sources: {} }
    await writeOwner(store, folder, owner, { replace: false })
  }
  // A single setting covers the whole folder from its beginning, so that every reader needs only one rule.
  requireSame(owner, claim, folder, at)
  let current = owner
  let writing: Promise<unknown> = Promise.resolve()

  const write = async (changes: Partial<Owner>): Promise<void> => {
    const next = { ...current, computer, ...changes }
    await writeOwner(store, folder, next, { replace: true })
    current = next
  }
  /** Runs one change after the other. */
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const done = writing.then(change)
    writing = settled(done)
    return done
  }
  const add = async ({ id, name }: Pick<OutgoingSource, 'id' | 'name'>): Promise<string> => {
    const known = current.sources[id]
    if (known !== undefined) return known
    const directory = freeFolder(name, Object.values(current.sources))
    await write({ sources: { ...current.sources, [id]: directory } })
    return directory
  }

  return {
    epoch: owner.epoch,
    isNew,
    get keepsAll() {
      return current.keepsAll
    },
    async isSame() {
      const there = await readOwner(store, folder, at, signal)
      return there?.epoch === current.epoch && there.fingerprint === fingerprint
    },
    async keepAll() {
      await inTurn(async () => current.keepsAll || write({ keepsAll: true }))
    },
    getDirectory(source) {
      const known = current.sources[source.id]
      return known === undefined ? inTurn(() => add(source)) : Promise.resolve(known)
    },
  }
}
