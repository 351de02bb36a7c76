import { z } from 'zod'
import {
  folderDestinationSchema,
  receiverDestinationSchema,
  s3DestinationSchema,
  sftpDestinationSchema,
} from './destination-schema.ts'

// Schemas of destinations as entered by the user, before they are added to the settings.

/** Omitted: this computer's name, made valid. */
const folder = sftpDestinationSchema.shape.folder.optional()
const anyReceiver = receiverDestinationSchema.omit({ id: true })
const anyFolder = folderDestinationSchema.omit({ id: true })
const anySftp = sftpDestinationSchema.omit({ id: true }).extend({ folder })
const anyS3 = s3DestinationSchema.omit({ id: true }).extend({ folder })

/** A destination that can be added directly; receivers are paired instead. */
export const givenDestinationSchema = z.discriminatedUnion('kind', [anyFolder, anySftp, anyS3])
export type GivenDestination = z.infer<typeof givenDestinationSchema>

/** A destination with changed connection settings. */
export const changedDestinationSchema = z.discriminatedUnion('kind', [anyReceiver, anyFolder, anySftp, anyS3])
export type ChangedDestination = z.infer<typeof changedDestinationSchema>

/** A destination that can be tested. Its host key is "" if it is not known yet. */
export const testedDestinationSchema = z.discriminatedUnion('kind', [
  anyReceiver,
  anyFolder,
  anySftp.extend({ hostKey: sftpDestinationSchema.shape.hostKey.or(z.literal('')) }),
  anyS3,
])
export type TestedDestination = z.infer<typeof testedDestinationSchema>

/**
 * The secrets of a destination or a channel, by the names of its kind. An empty value removes a secret; an omitted one
 * leaves it unchanged.
 */
export const givenSecretsSchema = z.record(z.string().max(100), z.string().max(10_000))
