// The worker that holds the keys, and proves.
import "@maci-nova/sdk/worker";
