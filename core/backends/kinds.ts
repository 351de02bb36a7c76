import type { DestinationField, Kind } from './fields.ts'
import { folder } from './folder/kind.ts'
import { receiver } from './receiver/kind.ts'
import { s3 } from './s3/kind.ts'
import { sftp } from './sftp/kind.ts'
import { webdav } from './webdav/kind.ts'

/**
 * The kinds of destinations, the simplest first. Settings, command line and window import this, so it contains no code
 * that opens them: that is in open.ts.
 */
export const kinds = { receiver, folder, sftp, s3, webdav }

export type DestinationKind = keyof typeof kinds
export const destinationKinds = Object.keys(kinds) as DestinationKind[]
export const isDestinationKind = (text: string): text is DestinationKind => Object.hasOwn(kinds, text)
/** The fields of some kinds, as types. */
export type FieldsOf<K extends DestinationKind> = (typeof kinds)[K]['fields'][number]

/** Returns a kind. Its functions take the values of a destination of this kind, which TypeScript cannot follow. */
export const getKind = (kind: DestinationKind) => kinds[kind] as Kind<DestinationField, object>

/** Returns the secrets of a kind, for a way to log in if it has several. */
export const getDestinationSecrets = (kind: DestinationKind, login = '') =>
  getKind(kind).fields.flatMap((field) => (field.type === 'secret' && hasLogin(field, login) ? [field] : []))

/** True if each computer has a folder of its own at a destination of this kind. */
export const hasOwnFolder = (kind: DestinationKind): boolean =>
  getKind(kind).fields.some(({ type }) => type === 'own-folder')

/** True if a field is used with this way to log in. */
export const hasLogin = ({ logins }: Pick<DestinationField, 'logins'>, login = ''): boolean =>
  logins === undefined || logins.includes(login)
