import type { Field } from '../alerts/channels/catalog.ts'

/** Secrets by owner id and field name. */
export type Secrets = Record<string, Record<string, string>>

/** Owner of secrets: a channel, a destination, a watched computer, a sink of events or the proxy. */
export interface SecretOwner {
  id: string
  /** Its name and type, for messages. */
  name: string
  type: string
  /** The server that gets the secrets, and the user there. Its secrets are forgotten when this changes. */
  place: string
  fields: readonly Pick<Field, 'name' | 'kind' | 'required'>[]
}
