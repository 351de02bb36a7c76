import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { mountTmpfs } from '../faults/mounts.ts'
import { temporaryDirectory } from '../temporary.ts'
import { placeOnDisk } from './disk-place.ts'
import type { TestedKind } from './kind.ts'

/** What drive.ts calls this computer. */
const OWN = 'station-3'

/** A directory of this computer. */
export const folderKind: TestedKind = {
  name: 'folder',
  canBeFull: true,
  tellsSpace: true,
  isLocal: true,
  resumes: true,
  keepsNs: (ns) => ns,
  keepsMode: () => 0o600,
  async open(_home, { megabytes } = {}) {
    const disk = megabytes === undefined ? null : await mountTmpfs(onTestFinished, { megabytes })
    const folder = disk?.point ?? temporaryDirectory('kind')
    const own = path.join(folder, '.holdfast')
    // What adding it does.
    mkdirSync(own)
    return {
      secrets: {},
      settings: () => ({
        id: 'd',
        kind: 'folder',
        name: 'nas',
        path: folder,
        recipient: null,
        hideNames: false,
      }),
      ...placeOnDisk(path.join(folder, OWN), path.join(own, `versions/${OWN}`), [
        path.join(own, 'tmp'),
        path.join(own, 'partial'),
      ]),
    }
  },
}
