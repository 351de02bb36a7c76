import type { Identity } from '../../protocol/identity.ts'
import type { TestedDestination } from '../../settings/given-destination.ts'
import type { DestinationTest, TestStage } from '../sender-messages.ts'
import { testFolder } from './folder/test-folder.ts'
import { testReceiver } from './receiver/test-receiver.ts'
import { testS3 } from './s3/test-s3.ts'
import { testSftp } from './sftp/test-sftp.ts'

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
export function testDestination(
  destination: TestedDestination,
  options: TryOptions,
): Promise<DestinationTest> {
  switch (destination.kind) {
    case 'receiver':
      return testReceiver(destination, options)
    case 'folder':
      return testFolder(destination, options)
    case 'sftp':
      return testSftp(destination, options)
    case 's3':
      return testS3(destination, options)
  }
}
