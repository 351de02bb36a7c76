import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../../platform/files.ts'
import { errorCode } from '../../platform/system-error.ts'
import { type Encryption, NOT_ENCRYPTED } from '../../settings/destination-schema.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { requireSame } from '../encrypted/age.ts'
import type { Encrypting } from '../encrypted/encrypted-session.ts'
import { isNameKeyFile } from '../encrypted/names.ts'

const schema = z.object({ recipient: z.string(), hideNames: z.boolean() })

const orAbsent = (error: unknown): null => {
  if (errorCode(error) === 'ENOENT') return null
  throw error
}

const fileIn = ({ own }: Pick<StoreLayout, 'own'>): string => path.join(own, 'encryption.json')

/** Returns the encryption setting of a folder. @throws the system error, or ZodError. */
export async function readEncryption(layout: Pick<StoreLayout, 'own'>): Promise<Encryption> {
  const text = await readFile(fileIn(layout), 'utf8').catch(orAbsent)
  return text === null ? NOT_ENCRYPTED : schema.parse(JSON.parse(text))
}

/** Stores the setting in a new folder. @throws UserError if the folder has another setting; the system error. */
export async function claimEncryption(
  layout: StoreLayout,
  wanted: Encryption & { name: string },
): Promise<void> {
  const { name, recipient, hideNames } = wanted
  const there = await readEncryption(layout)
  const isNew = there === NOT_ENCRYPTED && (await stat(layout.senders).catch(orAbsent)) === null
  if (!isNew) requireSame(there, wanted, layout.root, name)
  else if (recipient !== null) await replaceFile(fileIn(layout), JSON.stringify({ recipient, hideNames }))
}

/** Writes the key files of Encrypting. @throws the system error. */
export async function keepNameKeys({ own }: StoreLayout, { keyFiles }: Encrypting): Promise<void> {
  for (const { name, bytes } of keyFiles) {
    const file = path.join(own, name)
    if ((await stat(file).catch(orAbsent)) === null) await replaceFile(file, bytes)
  }
}

/** Returns the encrypted keys of names in a folder. @throws the system error. */
export async function readNameKeys({ own }: Pick<StoreLayout, 'own'>): Promise<Uint8Array[]> {
  const names = await readdir(own)
  return Promise.all(names.filter(isNameKeyFile).map((name) => readFile(path.join(own, name))))
}
