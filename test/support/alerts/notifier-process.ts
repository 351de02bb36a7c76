import { Notifier } from '../../../core/alerts/notifier.ts'
import { openAlertStore } from '../../../core/alerts/store/store.ts'
import { STORE_THREAD, telling } from './notifier-config.ts'

// A notifier as a process of its own, which a test can kill: `node notifier-process.ts '{"config": …, "notices": …}'`.

const { config, notices } = JSON.parse(process.argv[2] ?? '')
const ignore = () => undefined
const store = openAlertStore(STORE_THREAD, config.file, ignore)
await new Notifier(config, store, { show: ignore, channels: ignore, log: ignore, resumed: ignore }).commit(
  telling(notices),
)
