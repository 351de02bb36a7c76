import type { ObjectInfo, ObjectPage, ObjectStore } from '../send/destinations/objects/object-store.ts'
import { OWN_DIRECTORY } from '../store/layout.ts'
import type { ContentsPage, StoreContentsQuestion, StoredContent } from '../store/query/contents.ts'
import { parseOrigin } from '../store/query/select.ts'
import { isVersionName, replacedAt } from '../store/retention/name.ts'
import { toFileFacts } from './objects.ts'

/** Maximum number of older versions to list for one name. */
const MOST_VERSIONS = 10_000

const toContent = (folder: string, path: string, version: string, info: ObjectInfo): StoredContent => ({
  ...{ folder, path, version, storedAt: info.firstStoredAt ?? info.storedAt },
  facts: toFileFacts(info),
  digest: info.digest,
})

const asideAt = (own: string, folder: string, path: string): string =>
  `${own}/${OWN_DIRECTORY}/versions/${folder}/${path}/`

const madeAt = ({ mtimeNs }: { mtimeNs: bigint }): number => Number(mtimeNs) / 1e6

/**
 * Returns the older versions of a path, newest first: those set aside by Holdfast, and those kept by the store itself.
 */
async function olderContents(
  store: ObjectStore,
  own: string,
  folder: string,
  path: string,
): Promise<StoredContent[]> {
  const front = asideAt(own, folder, path)
  const aside: StoredContent[] = []
  for (let after: string | null = null; aside.length < MOST_VERSIONS; ) {
    const page: ObjectPage = await store.list(front, after, false)
    for (const info of page.objects) {
      const version = info.name.slice(front.length)
      if (isVersionName(version)) aside.push(toContent(folder, path, version, info))
    }
    after = page.next
    if (after === null) break
  }
  const kept = await store.versions(`${own}/${folder}/${path}`)
  return [
    ...aside.reverse(),
    ...kept.slice(0, MOST_VERSIONS).map((info) => toContent(folder, path, info.version ?? '', info)),
  ]
}

/** Returns the content that a path had at a time; null: none is known. */
async function contentAt(
  store: ObjectStore,
  own: string,
  current: StoredContent,
  at: number,
): Promise<StoredContent | null> {
  const { dates } = store.can
  if (dates && current.storedAt <= at) return current
  const { folder, path } = current
  // If only the mode of an object was changed, the time of its content is in its metadata, which a listing lacks.
  if (dates && ((await store.info(`${own}/${folder}/${path}`))?.firstStoredAt ?? Infinity) <= at)
    return current
  const all = await olderContents(store, own, folder, path)
  // A version that was replaced after this time was current at the time, if it had been stored by then.
  const aside = all.filter(({ version }) => (replacedAt(version) ?? 0) > at).at(-1)
  if (aside !== undefined && dates) {
    const info = await store.info(`${asideAt(own, folder, path)}${aside.version}`)
    // If the time of storing was not recorded, the modification time is the earliest possible one.
    if (info !== null && (info.firstStoredAt ?? madeAt(info)) <= at) return aside
  }
  if (dates) return all.find(({ version, storedAt }) => !isVersionName(version) && storedAt <= at) ?? null
  const then = aside ?? current
  return madeAt(then.facts) <= at ? then : null
}

/** The folder that a page belongs to, and the position in it where the next page begins. */
type Cursor = [folder: number, after: string | null]

function parseCursor(text: string | null): Cursor {
  if (text === null) return [0, null]
  const at = text.indexOf(' ')
  const rest = text.slice(at + 1)
  return [Number(text.slice(0, at)), rest === '' ? null : rest]
}

/** Returns one page of a computer's contents in an object store: as many as the store lists per request. */
export async function objectContents(
  store: ObjectStore,
  own: string,
  listFolders: () => Promise<string[]>,
  question: StoreContentsQuestion,
): Promise<ContentsPage> {
  const page: ContentsPage = { contents: [], directories: [], strange: 0, next: null }
  const { folder, path, at, version, isList } = question
  if (parseOrigin(own, folder, path) === null) return page
  const folders = folder === null ? await listFolders() : [folder]
  const [index, after] = parseCursor(question.after)
  const source = folders[index]
  if (source === undefined) return page
  if (path !== null && (isList || version !== null)) {
    const current = await store.info(`${own}/${source}/${path}`)
    const all = [
      ...(current === null ? [] : [toContent(source, path, '', current)]),
      ...(await olderContents(store, own, source, path)),
    ]
    page.contents = all.filter((one) => version === null || one.version === version)
    // The path may be a directory.
    if (page.contents.length > 0 || version !== null) return page
  }

  const front = `${own}/${source}/`
  const listed = await store.list(path === null ? front : `${front}${path}/`, after, true)
  const first = path === null || after !== null ? null : await store.info(`${front}${path}`)
  const text = question.text?.toLowerCase() ?? null
  for (const info of first === null ? listed.objects : [first, ...listed.objects]) {
    const file = info.name.slice(front.length)
    if (text !== null && !file.toLowerCase().includes(text)) continue
    const current = toContent(source, file, '', info)
    const wanted = at === null ? current : await contentAt(store, own, current, at)
    if (wanted !== null) page.contents.push(wanted)
  }
  if (listed.next !== null) page.next = `${index} ${listed.next}`
  else if (index + 1 < folders.length) page.next = `${index + 1} `
  return page
}
