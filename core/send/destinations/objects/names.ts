import { findNameFault } from '../../../protocol/names.ts'
import { OWN_DIRECTORY } from '../../../store/layout.ts'
import type { Keep } from '../../../store/retention/choose.ts'
import { versionPrefix } from '../../../store/retention/name.ts'
import type { OutgoingSource } from '../destination.ts'
import type { OwnFolder } from './folder-owner.ts'
import { type ObjectStore, StoreFault } from './object-store.ts'
import { openThinning } from './thinning.ts'

// Below a destination's prefix:
//
//   FOLDER/<source's directory>/<path>                                  the current contents
//   FOLDER/.holdfast/owner.json                                         see folder-owner.ts
//   FOLDER/.holdfast/versions/<source's directory>/<path>/<version>     contents that were replaced

/** Current names and older versions (core/store/retention/name.ts). */
export type Names = ReturnType<typeof openNames>

export function openNames(
  store: ObjectStore,
  { folder, own, keep }: { folder: string; own: OwnFolder; keep: Keep },
  signal: AbortSignal,
) {
  let count = 0
  const thin = openThinning(store, keep, signal)

  const setAside = async (directory: string, path: string, isReplaced: boolean): Promise<void> => {
    const version = `${versionPrefix(new Date(), 0)}${count}`
    count = (count + 1) % 1_000_000
    const older = `${folder}/${OWN_DIRECTORY}/versions/${directory}/${path}`
    const isHere = await store.setAside(`${folder}/${directory}/${path}`, `${older}/${version}`, isReplaced)
    if (isHere && !own.keepsAll) thin(older)
  }

  return {
    /** @throws StoreFault `impossible` for a name that no system accepts; otherwise the store decides. */
    async current(source: OutgoingSource, path: string): Promise<string> {
      const fault = findNameFault(path, 'linux')
      if (fault !== null) throw new StoreFault('impossible', `name: ${fault}`)
      return `${folder}/${await own.getDirectory(source)}/${path}`
    },
    /** Sets aside any object that is in the way of this name, as an older version. */
    async makeRoom(source: OutgoingSource, path: string): Promise<void> {
      const directory = await own.getDirectory(source)
      // Usually the object has the name itself; but a directory above may have been a file before.
      for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
        if ((await store.info(`${folder}/${directory}/${at}`)) === null) continue
        return setAside(directory, at, at === path)
      }
    },
  }
}
