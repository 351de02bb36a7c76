import type { Identity } from '../../protocol/identity.ts'
import type { TestedDestination } from '../../settings/given-destination.ts'
import type { DestinationTest, TestStage } from '../sender-messages.ts'
import { tryFolder } from './folder/test-folder.ts'
import { tryReceiver } from './receiver/test-receiver.ts'
import { tryS3 } from './s3/test-s3.ts'
import { trySftp } from './sftp/test-sftp.ts'

/** The options to test a destination of any kind. */
export interface TryOptions {
  identity: Identity
  /** This computer's name. */
  name: string
  /** The secrets, by the names that the kind has; see the settings' schema. */
  secrets: Readonly<Record<string, string>>
  /** Left out: 'given'. */
  stage?: TestStage
  /** Aborted when the test takes too long or is cancelled. */
  signal: AbortSignal
}

/** The settings of a tested destination of one kind. */
export type Tested<K extends TestedDestination['kind']> = Extract<TestedDestination, { kind: K }>

/** Tests a destination in this process: writes a small file, reads it back and removes it. Never rejects. */
export function tryDestination(
  destination: TestedDestination,
  options: TryOptions,
): Promise<DestinationTest> {
  switch (destination.kind) {
    case 'receiver':
      return tryReceiver(destination, options)
    case 'folder':
      return tryFolder(destination, options)
    case 'sftp':
      return trySftp(destination, options)
    case 's3':
      return tryS3(destination, options)
  }
}
