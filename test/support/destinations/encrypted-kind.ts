import { decrypterFor } from '../../../core/backends/encrypted/age.ts'
import { deriveNameKey, hiddenPath, hiddenSource } from '../../../core/backends/encrypted/names.ts'
import { newEncryptionKey } from '../../../core/settings/secrets.ts'
import type { Home } from '../transfer/transfer.ts'
import type { Place, TestedKind } from './kind.ts'

/** A place whose contents are encrypted, told as they were before. */
async function encryptedPlace(place: Place, home: Home, hideNames: boolean): Promise<Place> {
  const { recipient, identity } = await newEncryptionKey()
  const decrypter = await decrypterFor(identity, recipient)
  const opened = async (bytes: Buffer) => Buffer.from(await decrypter.decrypt(bytes))
  const key = deriveNameKey(home.identity, recipient)
  const there = (source: string, path: string): [source: string, path: string] =>
    hideNames ? [hiddenSource(key, source), `${hiddenPath(key, path)}.age`] : [source, `${path}.age`]
  return {
    ...place,
    identity,
    settings(port) {
      const settings = place.settings(port)
      if (settings.kind === 'receiver') throw new Error('a receiver has no encryption')
      return { ...settings, recipient, hideNames }
    },
    async file(source, path) {
      const found = await place.file(...there(source, path))
      return found === null ? null : { ...found, bytes: await opened(found.bytes) }
    },
    older: async (source, path) => Promise.all((await place.older(...there(source, path))).map(opened)),
    damage: (source, path, change) => place.damage(...there(source, path), change),
  }
}

const toEncryptedKind = (
  kind: TestedKind,
  what: string,
  hideNames: boolean,
  longestName: number,
): TestedKind => ({
  ...kind,
  name: `${kind.name}, ${what}`,
  isEncrypted: true,
  longestName,
  resumes: false,
  open: async (home: Home, options) => encryptedPlace(await kind.open(home, options), home, hideNames),
})

/** The same kind, with a key of its own for each place. */
export const encryptedKind = (kind: TestedKind): TestedKind => toEncryptedKind(kind, 'encrypted', false, 251)

/** With hidden names, too. */
export const hiddenKind = (kind: TestedKind): TestedKind => toEncryptedKind(kind, 'names hidden', true, 172)
