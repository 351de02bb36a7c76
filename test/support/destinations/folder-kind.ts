import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { mountTmpfs } from '../faults/mounts.ts'
import { temporaryDirectory } from '../temporary.ts'
import { fillDisk, placeOnDisk } from './disk-place.ts'
import type { TestedKind } from './kind.ts'

/** A directory of this computer. @param computer its name; left out: what drive.ts calls it. */
export const folderKindOf = (computer = 'station-3'): TestedKind => ({
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
      ...(disk === null ? {} : { fill: (leaving: number) => fillDisk(folder, leaving) }),
      secrets: {},
      settings: () => ({
        id: 'd',
        kind: 'folder',
        name: 'nas',
        path: folder,
        recipient: null,
        hideNames: false,
      }),
      ...placeOnDisk(path.join(folder, computer), path.join(own, `versions/${computer}`), [
        path.join(own, 'tmp'),
        path.join(own, 'partial'),
      ]),
    }
  },
})

export const folderKind = folderKindOf()
