import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { proxyRouteSchema } from '../lib/network/proxy.ts'
import { senderLevels } from '../protocol/limits.ts'
import { destinationSchema } from '../settings/destination-schema.ts'

export const connectionSchema = z.object({
  state: z.enum(['idle', 'connecting', 'connected', 'unreachable', 'refused']),
  /** Milliseconds since 1970 of the last change of state. */
  since: z.number(),
  problem: messageSchema.nullable(),
  /** True if the last connection led back to this computer, under any of its names. */
  toItself: z.boolean().optional(),
  /** False if stored files may be lost when the server crashes, as the last connection showed. */
  durable: z.boolean().optional(),
  /** Bytes of the destination's file system, if the destination reports them. */
  space: z.object({ free: z.number(), total: z.number() }).optional(),
})
export type Connection = z.infer<typeof connectionSchema>

/** The status of this computer, as sent to its receivers. */
export const ownStatusSchema = z.object({
  level: z.enum(senderLevels),
  /** The kind of the gravest incident; null: no incident is open. */
  kind: z.string().nullable(),
  /** In English: the text is shown on another computer. A disk's failure has its cause. */
  sentence: z.string(),
  /** The same message for translation into the reader's language, and its causes. */
  words: messageSchema.optional(),
  causes: z.array(messageSchema).optional(),
  /** The version of this Holdfast. */
  version: z.string(),
})
export type OwnStatus = z.infer<typeof ownStatusSchema>

/** The steps of a test of a destination, in their order. */
export const testSteps = ['connect', 'write', 'read', 'remove'] as const
export type TestStep = (typeof testSteps)[number]

/**
 * The stage at which a destination is tested: only entered, about to be added (which prepares a folder), or in the
 * settings.
 */
export const testStages = ['given', 'adding', 'kept'] as const
export type TestStage = (typeof testStages)[number]

/** The result of a destination test. */
export const destinationTestSchema = z.object({
  works: z.boolean(),
  /** `ms`: how long the step took; null: the step did not run. */
  steps: z.array(z.object({ step: z.enum(testSteps), done: z.boolean(), ms: z.number().nullable() })),
  /** The success message, or the failure and its remedy. */
  sentence: messageSchema,
  found: z.object({
    /** The host key presented by an SFTP server, in the form that the settings use. */
    hostKey: z.string().optional(),
    /** SHA-256 of a certificate without a trusted authority, in the form that the settings use. */
    certificate: z.string().optional(),
    /** True if stored files survive a crash of the server. */
    durable: z.boolean().optional(),
    /** A warning that a working destination does not give the protection that destinations are for. */
    warning: messageSchema.optional(),
    /** The destination's abilities and limits. */
    notes: z.array(messageSchema),
  }),
})
export type DestinationTest = z.infer<typeof destinationTestSchema>

/** A computer that has files at a destination. */
export const computerSchema = z.object({
  /** Its folder there, by which it is selected. */
  folder: z.string(),
  /** The computer's name; null: not recorded. */
  name: z.string().nullable(),
  isOwn: z.boolean(),
  /** Its contents can be read only with an age identity. */
  isEncrypted: z.boolean(),
  /** Its names are hidden too: without the identity, only everything together can be restored. */
  hidesNames: z.boolean(),
})
export type Computer = z.infer<typeof computerSchema>

/** The settings that open a library; can be sent to another process. */
export const librarySettingsSchema = z.object({
  destination: destinationSchema,
  /** Named as in the destination kind's settings schema. */
  secrets: z.record(z.string(), z.string()),
  /** The proxy of this computer; without, none. */
  proxy: proxyRouteSchema.optional(),
  identityDirectory: z.string(),
  /** This computer's name. */
  name: z.string(),
  /** The folder of another computer whose files are taken over; null: this computer's folder. */
  computer: z.string().nullable(),
  /** An age identity, if contents are encrypted. */
  key: z.string().nullable(),
})
export type LibrarySettings = z.infer<typeof librarySettingsSchema>

/** The decision about the proposal with this id. `sentence`: the reason; null: none. */
export const decisionSchema = z.object({
  id: z.string(),
  accepted: z.boolean(),
  sentence: messageSchema.nullable(),
})
export type Decision = z.infer<typeof decisionSchema>
