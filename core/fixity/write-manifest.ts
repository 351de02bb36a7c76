import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { getMimeType } from 'hono/utils/mime'
import { ignoreError } from '../dropped-errors.ts'
import { formatDay } from '../lib/i18n/formats.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { type FixityKind, getFormKind, type ManifestForm } from '../platform/fixity-kinds.ts'
import { toReason } from '../platform/system-error.ts'
import { formatBagLine, formatCrateId, formatSumLine } from './forms.ts'
import type { ListedFile } from './list-files.ts'

// Writes manifests while the files are listed: a source may have millions. A file gets its name when it is complete.

type Files = AsyncIterable<ListedFile>
/** Takes text in order; resolves when more may come. */
type Write = (text: string) => Promise<void>

/** The source and the program, for the description of a manifest. */
interface About {
  /** The source's name. */
  name: string
  /** "Holdfast 0.1.0" */
  agent: string
  /** Address of the licence of the files; null: not stated. */
  license: string | null
  now: Date
}

export interface Written {
  files: number
  bytes: number
}

/** Lines are written together up to about this length. */
const WRITE_LENGTH = 64 * 1024

/** Writes the lines of sha256sum or md5sum. */
export const writeSums = (files: Files, kind: FixityKind, write: Write): Promise<Written> =>
  writeEach(files, write, ({ path: file, digests }) =>
    formatSumLine({ path: file, digest: digests[kind] ?? '' }),
  )

/**
 * Writes a manifest: lines of sha256sum or md5sum to the file `to`, other forms into the directory `to`.
 * @throws UserError fixity.notWritten
 */
export async function writeManifest(
  files: Files,
  form: ManifestForm,
  to: string,
  about: About,
): Promise<Written> {
  try {
    if (form === 'bagit') return await writeBag(files, to, about)
    if (form === 'ro-crate') return await writeCrate(files, to, about)
    return await replaceWhole(to, (write) => writeSums(files, getFormKind(form), write))
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError('fixity.notWritten', { path: to, reason: toReason(error) }, { cause: error })
  }
}

/** Writes the tag files of a bag (RFC 8493) into its directory; the payload belongs into "data" beside them. */
async function writeBag(files: Files, directory: string, { name, agent, now }: About): Promise<Written> {
  await mkdir(directory, { recursive: true })
  const tags: { path: string; digest: string }[] = []
  const writeTag = async <T>(tag: string, use: (write: Write) => Promise<T>): Promise<T> => {
    const hash = createHash('sha256')
    const result = await replaceWhole(path.join(directory, tag), (write) =>
      use((text) => {
        hash.update(text)
        return write(text)
      }),
    )
    tags.push({ path: tag, digest: hash.digest('hex') })
    return result
  }
  const written = await writeTag('manifest-sha256.txt', (write) =>
    writeEach(files, write, ({ path: file, digests }) =>
      formatBagLine({ path: file, digest: digests.sha256 ?? '' }),
    ),
  )
  const info = [
    `External-Description: ${name.replaceAll(/\s+/g, ' ')}`,
    `Bagging-Date: ${formatDay(now)}`,
    `Payload-Oxum: ${written.bytes}.${written.files}`,
    `Bag-Software-Agent: ${agent}`,
  ]
  await writeTag('bag-info.txt', (write) => write(toLines(info)))
  await writeTag('bagit.txt', (write) =>
    write(toLines(['BagIt-Version: 1.0', 'Tag-File-Character-Encoding: UTF-8'])),
  )
  const lines = tags.map(({ path: tag, digest }) => `${digest}  ${tag}`)
  await replaceWhole(path.join(directory, 'tagmanifest-sha256.txt'), (write) => write(toLines(lines)))
  return written
}

const CRATE = 'ro-crate-metadata.json'
const NO_LICENSE = '#license-not-stated'

/** Writes the metadata of an RO-Crate 1.2 (w3id.org/ro/crate/1.2) into its directory, in which the files are. */
async function writeCrate(
  files: Files,
  directory: string,
  { name, agent, license, now }: About,
): Promise<Written> {
  await mkdir(directory, { recursive: true })
  const descriptor = {
    '@id': CRATE,
    '@type': 'CreativeWork',
    conformsTo: { '@id': 'https://w3id.org/ro/crate/1.2' },
    about: { '@id': './' },
  }
  const rights =
    license === null
      ? {
          '@id': NO_LICENSE,
          '@type': 'CreativeWork',
          name: 'Licence not stated',
          description: 'No licence was stated when this description was written. Ask the owner of the files.',
        }
      : { '@id': license, '@type': 'CreativeWork', name: license }
  const root = {
    '@id': './',
    '@type': 'Dataset',
    name,
    description: `Files of the directory ${name} that are durable at their destinations, listed by ${agent}.`,
    datePublished: now.toISOString(),
    license: { '@id': rights['@id'] },
  }
  // The list of the files belongs into the entity of the directory, but is known only at the end.
  const parts = path.join(directory, `.${CRATE}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    return await replaceWhole(path.join(directory, CRATE), async (write) => {
      const head = [descriptor, rights].map((entity) => JSON.stringify(entity)).join(',\n')
      await write(`{"@context": "https://w3id.org/ro/crate/1.2/context",\n"@graph": [\n${head},\n`)
      const written = await replaceWhole(parts, async (writePart) => {
        let isFirst = true
        return writeEach(files, write, async (file) => {
          const id = formatCrateId(file.path)
          await writePart(`${isFirst ? '' : ',\n'}${JSON.stringify({ '@id': id })}`)
          isFirst = false
          return `${JSON.stringify(describeFile(id, file))},\n`
        })
      })
      await write(`${JSON.stringify(root).slice(0, -1)},"hasPart":[`)
      for await (const text of createReadStream(parts, 'utf8')) await write(text)
      await write(']}\n]}\n')
      return written
    })
  } finally {
    await rm(parts, { force: true })
  }
}

function describeFile(id: string, { path: file, size, modifiedAt, digests }: ListedFile) {
  const encodingFormat = getMimeType(path.basename(file))?.split(';')[0]
  return {
    '@id': id,
    '@type': 'File',
    name: path.basename(file),
    contentSize: String(size),
    dateModified: new Date(modifiedAt).toISOString(),
    ...(encodingFormat === undefined ? {} : { encodingFormat }),
    sha256: digests.sha256,
  }
}

const toLines = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')

async function writeEach(
  files: Files,
  write: Write,
  format: (file: ListedFile) => string | Promise<string>,
): Promise<Written> {
  const written = { files: 0, bytes: 0 }
  for await (const file of files) {
    await write(await format(file))
    written.files += 1
    written.bytes += file.size
  }
  return written
}

/** Writes a file under a temporary name, which replaces an earlier one when it is complete and durable. */
async function replaceWhole<T>(file: string, use: (write: Write) => Promise<T>): Promise<T> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const to = await open(temporary, 'wx')
    try {
      let text = ''
      const flush = async () => {
        await to.writeFile(text)
        text = ''
      }
      const result = await use(async (more) => {
        text += more
        if (text.length >= WRITE_LENGTH) await flush()
      })
      await flush()
      await to.sync()
      await to.close()
      await rename(temporary, file)
      return result
    } finally {
      await to.close()
    }
  } catch (error) {
    await rm(temporary, { force: true }).catch(ignoreError('the error of the write itself is thrown'))
    throw error
  }
}
