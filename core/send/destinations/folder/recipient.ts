import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { replaceFile } from '../../../files/replace-file.ts'
import { errorCode } from '../../../files/system-error.ts'
import type { FolderDestination } from '../../../settings/schema.ts'
import type { StoreLayout } from '../../../store/layout.ts'
import { Problem } from '../../../words/problem.ts'

type Place = Pick<StoreLayout, 'own' | 'root' | 'senders'>

const orAbsent = (thrown: unknown): null => {
  if (errorCode(thrown) === 'ENOENT') return null
  throw thrown
}

const fileIn = ({ own }: Pick<Place, 'own'>): string => path.join(own, 'recipient')

/** Whom all contents of a folder are encrypted for; null: they are not. @throws what the system says. */
export const recipientOf = (layout: Pick<Place, 'own'>): Promise<string | null> =>
  readFile(fileIn(layout), 'utf8').then((text) => text.trim(), orAbsent)

/**
 * A folder is encrypted from its beginning, for one key: whoever reads it has one rule for all of it.
 * @throws Problem where it was begun with another one, or without; what the system says.
 */
export async function claimRecipient(
  layout: Place,
  { name, recipient }: Pick<FolderDestination, 'name' | 'recipient'>,
): Promise<void> {
  const there = await recipientOf(layout)
  if (there === recipient) return
  const isNew = there === null && (await stat(layout.senders).catch(orAbsent)) === null
  if (isNew) return replaceFile(fileIn(layout), `${recipient}\n`)
  const params = { folder: layout.root, name, recipient: there ?? '–' }
  throw new Problem('transfer.objects.otherRecipient', params)
}
