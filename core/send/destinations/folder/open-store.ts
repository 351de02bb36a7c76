import { UserError } from '../../../lib/i18n/user-error.ts'
import { englishWords } from '../../../lib/i18n/words.ts'
import { isOnOtherComputer } from '../../../platform/mounts/shares.ts'
import { type StoreLayout, storeLayout } from '../../../store/layout.ts'
import { claimStore } from '../../../store/lock.ts'
import { DEFAULT_RULES } from '../../../store/quota/rules.ts'
import { foldersIn, openSenders, type Sender, type Senders } from '../../../store/senders/senders.ts'
import { Store } from '../../../store/store.ts'
import type { Encrypting } from '../encrypted/encrypted-session.ts'
import { claimEncryption, keepNameKeys } from './encryption.ts'
import type { FolderOptions } from './folder.ts'
import { getStoreInode } from './place.ts'

/** An open folder, locked by this process. */
export interface OpenFolder {
  layout: StoreLayout
  store: Store
  senders: Senders
  /** This computer as a sender of the store. */
  me: Sender
  mark: bigint
  /** The folder is on another computer's disk. */
  isElsewhere: boolean
  close(): Promise<void>
}

/** By the store's root: resolves when the last opening of it is closed. The next one waits for that. */
const inUse = new Map<string, Promise<void>>()

/**
 * Opens the store in a folder. Hangs if the disk does.
 * @param isOwn the folder is this computer's own store: it is created if it does not exist.
 * @param onReplaced see `Store`.
 * @throws NotMounted; UserError if only a person can help; the system error.
 */
export async function openFolderStore(
  { destination, identity, name, keep, storeThread }: FolderOptions,
  isOwn: boolean,
  encrypting: Encrypting | null,
  log: (text: string) => void,
  onReplaced: () => void,
): Promise<OpenFolder> {
  const layout = storeLayout(destination.path)
  const before = inUse.get(layout.root)
  const closed = Promise.withResolvers<void>()
  inUse.set(layout.root, closed.promise)
  await before
  let lock: Awaited<ReturnType<typeof claimStore>> | null = null
  let store: Store | null = null
  const close = async () => {
    await store?.close().catch((error: unknown) => log(String(error)))
    try {
      lock?.release()
    } finally {
      closed.resolve()
      if (inUse.get(layout.root) === closed.promise) inUse.delete(layout.root)
    }
  }
  try {
    if (!isOwn) await getStoreInode(layout)
    lock = await claimStore(layout, (_, text) => log(text))
    const mark = await getStoreInode(layout)
    await claimEncryption(layout, destination)
    if (encrypting !== null) await keepNameKeys(layout, encrypting)
    store = new Store(layout, { thread: storeThread, rules: { ...DEFAULT_RULES, keep }, log, onReplaced })
    const senders = await openSenders(
      layout.senders,
      (sentence) => log(englishWords(sentence)),
      () => foldersIn(layout),
    )
    const { fingerprint } = identity
    const me = await senders.own(fingerprint, name)
    if (me === null)
      throw new UserError('transfer.folderRevoked', { name: destination.name, path: layout.root })
    return { layout, store, senders, me, mark, isElsewhere: isOnOtherComputer(layout.root), close }
  } catch (error) {
    await close()
    throw error
  }
}
