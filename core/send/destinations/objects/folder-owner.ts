import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { settled } from '../../../dropped-errors.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import type { Encryption } from '../../../settings/destination-schema.ts'
import { OWN_DIRECTORY } from '../../../store/layout.ts'
import { freeFolder } from '../../../store/senders/senders.ts'
import type { OutgoingSource } from '../destination.ts'
import { requireSame } from '../encrypted/age.ts'
import type { Encrypting } from '../encrypted/encrypted-session.ts'
import { isNameKeyFile } from '../encrypted/names.ts'
import { putOwn, readSmall } from './content.ts'
import { orIf } from './faults.ts'
import type { ObjectStore, PutOptions } from './object-store.ts'

/** Of a file that says whose a folder is; a larger one is none of ours. */
const MOST_BYTES = 4 * 1024 * 1024

const ownerSchema = z.object({
  /** Of the computer's certificate. */
  fingerprint: z.string(),
  /** Its name, for people. */
  computer: z.string(),
  /** Random: another one means that the folder was begun anew, and has nothing of what was sent before. */
  epoch: z.string().min(1).max(64),
  /** Its contents are encrypted for this age recipient; null: they are not. */
  recipient: z.string().nullable().default(null),
  /** So are its names. */
  hideNames: z.boolean().default(false),
  /** Files were removed at their source because they are here: older contents may be the only ones, and all stay. */
  keepsAll: z.boolean().default(true),
  /** The directory of each source, by its id. */
  sources: z.record(z.string(), z.string()),
})
export type Owner = z.infer<typeof ownerSchema>

/** A folder at a destination that is this computer's alone. */
export interface OwnFolder {
  readonly epoch: string
  /** It had nothing of this computer until now. */
  readonly isNew: boolean
  readonly keepsAll: boolean
  /** Whether it is still the one that was claimed: somebody may empty it, and another computer then take it. */
  isSame(): Promise<boolean>
  /** Older contents all stay from now on; it is written down before this resolves. */
  keepAll(): Promise<void>
  /** The source's directory in it; one that is new is written down there before this resolves. */
  directoryOf(source: Pick<OutgoingSource, 'id' | 'name'>): Promise<string>
}

const OWNER = `${OWN_DIRECTORY}/owner.json`

/** The file in a computer's folder that says whose it is, and which directory is which source's. */
export const ownerFile = (folder: string): string => `${folder}/${OWNER}`

/**
 * Whose a folder is; null: nobody has said so yet.
 * @param at the destination's name.
 * @throws UserError where the file says nothing that can be understood; StoreFault.
 */
export async function readOwner(
  store: ObjectStore,
  folder: string,
  at: string,
  signal: AbortSignal,
): Promise<Owner | null> {
  const file = ownerFile(folder)
  const bytes = await readSmall(store, file, signal, MOST_BYTES).catch(orIf('absent', null))
  if (bytes === null) return null
  try {
    return ownerSchema.parse(JSON.parse(String(bytes)))
  } catch (error) {
    throw new UserError('transfer.objects.ownerBroken', { name: at, folder, file }, { cause: error })
  }
}

/**
 * The same, where it is this computer's.
 * @throws UserError where it is another one's, or inside another one: its files would be among those; see readOwner.
 */
export async function ownerOf(
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

/** See Encrypting. @throws StoreFault. */
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

/** The keys of names that are in a folder, as they are there. @throws StoreFault. */
export async function readNameKeys(
  store: ObjectStore,
  folder: string,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const front = `${folder}/${OWN_DIRECTORY}/`
  const { objects } = await store.list(`${front}names-`, null, false)
  const files = objects.filter(({ name }) => isNameKeyFile(name.slice(front.length)))
  return Promise.all(files.map(({ name }) => readSmall(store, name, signal, MOST_BYTES)))
}

/** What a folder is claimed with. */
export interface FolderClaim extends Encryption {
  /** Its name. */
  folder: string
  /** Of this computer's certificate. */
  fingerprint: string
  /** This computer's name. */
  computer: string
  /** The destination's name. */
  at: string
  /** It was claimed before. */
  isKnown: boolean
}

/**
 * Takes a folder for this computer. Another one's, and one that has vanished, is refused before anything is written.
 * @throws UserError, StoreFault.
 */
export async function claimFolder(
  store: ObjectStore,
  claim: FolderClaim,
  signal: AbortSignal,
): Promise<OwnFolder> {
  const { folder, fingerprint, computer, at, isKnown, recipient, hideNames } = claim
  let owner = await ownerOf(store, claim, signal)
  const isNew = owner === null
  if (owner === null) {
    if (isKnown && store.can.vanish) throw new UserError('transfer.objects.vanished', { folder, name: at })
    const epoch = randomBytes(16).toString('hex')
    owner = { fingerprint, computer, epoch, recipient, hideNames, keepsAll: false, sources: {} }
    await writeOwner(store, folder, owner, { replace: false })
  }
  // A folder is encrypted from its beginning, for one key: whoever reads it has one rule for all of it.
  requireSame(owner, claim, folder, at)
  let current = owner
  let writing: Promise<unknown> = Promise.resolve()

  const write = async (changes: Partial<Owner>): Promise<void> => {
    const next = { ...current, computer, ...changes }
    await writeOwner(store, folder, next, { replace: true })
    current = next
  }
  /** One change after the other. */
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
    directoryOf(source) {
      const known = current.sources[source.id]
      return known === undefined ? inTurn(() => add(source)) : Promise.resolve(known)
    },
  }
}
