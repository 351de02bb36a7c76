import { z } from 'zod'
import { messageSchema } from '../../../lib/i18n/message-schema.ts'
import { senderDefinition } from '../../../send/sender-messages.ts'
import {
  changedDestinationSchema,
  destinationSchemas,
  givenDestinationSchema,
  givenSecretsSchema,
} from '../../../settings/destination-schema.ts'
import { defineAction, defineChange, defineTrial, nothing } from '../../answering.ts'
import { idInput } from '../../inputs.ts'

const ejectResultSchema = z.object({
  /** The disk may be unplugged now. */
  removable: z.boolean(),
  sentence: messageSchema,
  /** The command that unmounts the disk; null: none is needed, or it would not help. */
  command: z.string().nullable(),
})
export type EjectResult = z.infer<typeof ejectResultSchema>

export const destinationsContract = {
  /** Pairs with a receiver by its one-time code. The receiver becomes an additional destination, or the first one. */
  pair: defineAction(
    /** name: this computer's name at the receiver; default: its host name. */
    z.object({ code: z.string().max(2000), name: z.string().min(1).max(200).optional() }),
  ),
  /**
   * Adds a folder, an SFTP server or a bucket after a test. If the test fails, nothing is added and the sentence
   * gives the reason.
   */
  addDestination: defineAction(
    z.object({ destination: givenDestinationSchema, secrets: givenSecretsSchema }),
  ),
  /** Replaces the destination with that id after a test. Secrets that are omitted stay. */
  changeDestination: defineAction(
    z.object({ id: z.string(), destination: changedDestinationSchema, secrets: givenSecretsSchema }),
  ),
  /** Opens a destination, writes a small file, reads it back and removes it, within 15 s. */
  testDestination: defineTrial({
    /** `id`: the destination whose stored secrets replace omitted ones. */
    input: senderDefinition.requests.test.input.omit({ stage: true }).extend({ id: z.string().optional() }),
    output: senderDefinition.requests.test.output,
  }),
  /**
   * Reads the host keys of an SFTP server from the known_hosts file of the agent's user. Returns the fingerprints,
   * the preferred one first, and a sentence for people.
   */
  readKnownHosts: defineTrial({
    input: destinationSchemas.sftp.pick({ host: true, port: true }),
    output: z.object({ keys: z.array(z.string()), sentence: messageSchema }),
  }),
  /** Creates an age key. The identity decrypts what is encrypted for the recipient; it is not stored. */
  newEncryptionKey: defineTrial({
    input: nothing,
    output: z.object({ recipient: z.string(), identity: z.string() }),
  }),
  /**
   * Ejects a folder: closes everything on its disk and unmounts it if this user may. Its files wait, without an alert,
   * until the disk was away and is back.
   */
  ejectDestination: defineChange({ input: idInput, output: ejectResultSchema }),
  /** Uses an ejected folder again. */
  useDestination: defineAction(idInput),
  renameDestination: defineAction(z.object({ id: z.string(), name: destinationSchemas.receiver.shape.name })),
  /**
   * Stops sending to the destination; files there stay. Refused while a source has only this destination and others
   * exist. Without any destination, files go to a folder on this computer.
   */
  removeDestination: defineAction(idInput),
  /**
   * Deletes the copies made on this computer before it had a destination. Refused while a file may exist nowhere
   * else.
   */
  deleteLocalCopies: defineAction(nothing),
} as const
