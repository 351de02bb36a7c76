import { nameBuild } from '../core/lib/build-name.ts'
import manifest from '../package.json' with { type: 'json' }

export const version = nameBuild(manifest.version)
