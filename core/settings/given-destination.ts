import { z } from 'zod'
import {
  folderDestinationSchema,
  receiverDestinationSchema,
  s3DestinationSchema,
  sftpDestinationSchema,
} from './destination-schema.ts'

// A destination as a person gives it, before it is in the settings.

/** Left out: this computer's own name, made valid. */
const folder = sftpDestinationSchema.shape.folder.optional()
const anyReceiver = receiverDestinationSchema.omit({ id: true })
const anyFolder = folderDestinationSchema.omit({ id: true })
const anySftp = sftpDestinationSchema.omit({ id: true }).extend({ folder })
const anyS3 = s3DestinationSchema.omit({ id: true }).extend({ folder })

/** One that can be added; a receiver is paired with instead. */
export const givenDestinationSchema = z.discriminatedUnion('kind', [anyFolder, anySftp, anyS3])
export type GivenDestination = z.infer<typeof givenDestinationSchema>

/** One that is reached in another way from now on. */
export const changedDestinationSchema = z.discriminatedUnion('kind', [anyReceiver, anyFolder, anySftp, anyS3])
export type ChangedDestination = z.infer<typeof changedDestinationSchema>

/** One that can be tested: a host key that is not known yet is "". */
export const testedDestinationSchema = z.discriminatedUnion('kind', [
  anyReceiver,
  anyFolder,
  anySftp.extend({ hostKey: sftpDestinationSchema.shape.hostKey.or(z.literal('')) }),
  anyS3,
])
export type TestedDestination = z.infer<typeof testedDestinationSchema>

/**
 * The secrets of a destination or a channel, by the names that its kind has. An empty one is taken away, one that is left
 * out stays.
 */
export const givenSecretsSchema = z.record(z.string().max(100), z.string().max(10_000))
