import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { ignoreError } from '../../../dropped-errors.ts'
import { toCopyMetadata } from './facts.ts'
import { type BucketPlace, copySource, toKey, toStorageClass } from './requests.ts'

/**
 * Largest copy in one request: the store sends nothing until it is done, and no store copies more than 5 GiB at once.
 */
export const COPY_BYTES = 512 * 1024 * 1024

/**
 * Copies an object within its bucket; its bytes stay at the store.
 * @param to may be the object's own name: this replaces its metadata in one step, for which S3 has no other call.
 * @param changes changed metadata.
 */
export async function copyObject(
  place: BucketPlace,
  from: string,
  to: string,
  most = COPY_BYTES,
  changes: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { client, bucket: Bucket } = place
  const source = toKey(place, from)
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: source }))
  const target = { Bucket, Key: toKey(place, to) }
  const begun = { ...target, ...toStorageClass(place), Metadata: { ...toCopyMetadata(head), ...changes } }
  const CopySource = copySource(Bucket, source)
  const size = head.ContentLength ?? 0
  if (size <= most) {
    await client.send(new CopyObjectCommand({ ...begun, CopySource, MetadataDirective: 'REPLACE' }))
    return
  }
  const made = await client.send(new CreateMultipartUploadCommand(begun))
  const upload = { ...target, UploadId: made.UploadId }
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = []
    for (let at = 0; at < size; at += most) {
      const PartNumber = Parts.length + 1
      const CopySourceRange = `bytes=${at}-${Math.min(at + most, size) - 1}`
      const part = { ...upload, CopySource, CopySourceRange, PartNumber }
      const copied = await client.send(new UploadPartCopyCommand(part))
      Parts.push({ PartNumber, ETag: copied.CopyPartResult?.ETag })
    }
    const MultipartUpload = { Parts }
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload }))
  } catch (error) {
    await client
      .send(new AbortMultipartUploadCommand(upload))
      .catch(ignoreError('the sweep ends an unfinished upload'))
    throw error
  }
}
