import { decrypterFor } from '../../../core/send/destinations/encrypted/age.ts'
import { newEncryptionKey } from '../../../core/settings/encryption-key.ts'
import type { Home } from '../transfer.ts'
import type { Place, TestedKind } from './kind.ts'

type Key = Awaited<ReturnType<typeof newEncryptionKey>>

const sealed = (path: string) => `${path}.age`

/** A place whose contents are encrypted, told as they were before. */
async function encryptedPlace(place: Place, { recipient, identity }: Key): Promise<Place> {
  const decrypter = await decrypterFor(identity)
  const opened = async (bytes: Buffer) => Buffer.from(await decrypter.decrypt(bytes))
  return {
    ...place,
    settings(port) {
      const settings = place.settings(port)
      if (settings.kind === 'receiver') throw new Error('a receiver has no encryption')
      return { ...settings, recipient }
    },
    async file(source, path) {
      const there = await place.file(source, sealed(path))
      return there === null ? null : { ...there, bytes: await opened(there.bytes) }
    },
    older: async (source, path) => Promise.all((await place.older(source, sealed(path))).map(opened)),
    damage: (source, path) => place.damage(source, sealed(path)),
  }
}

/** The same kind, with a key of its own for each place. */
export const encryptedKind = (kind: TestedKind): TestedKind => ({
  ...kind,
  name: `${kind.name}, encrypted`,
  isEncrypted: true,
  resumes: false,
  open: async (home: Home, options) =>
    encryptedPlace(await kind.open(home, options), await newEncryptionKey()),
})
