// What runs: the API, the worker for refreshes, and Airflow, whose workers scale with the queue.
param name string
param location string
param identityId string
param clientId string
param registryServer string
param image string
param vaultUri string
param lakeAccountUrl string
param sourceUrl string
param engine string
param mostWorkers int

var concurrency = 2

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: 90
  }
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: '${name}-apps'
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
  }
}

var identities = {
  type: 'UserAssigned'
  userAssignedIdentities: {
    '${identityId}': {}
  }
}

var registries = [
  {
    server: registryServer
    identity: identityId
  }
]

var ownSecretNames = ['store-url', 'source-tokens']
var airflowSecretNames = ['fernet-key', 'jwt-secret', 'airflow-database', 'airflow-database-async', 'airflow-results', 'airflow-broker', 'airflow-queue']

// Read from the vault by the identity when a revision starts; no value passes through here.
var ownSecrets = [for secret in ownSecretNames: {
  name: secret
  keyVaultUrl: '${vaultUri}secrets/${secret}'
  identity: identityId
}]
var airflowSecrets = [for secret in airflowSecretNames: {
  name: secret
  keyVaultUrl: '${vaultUri}secrets/${secret}'
  identity: identityId
}]

var settings = [
  { name: 'AZURE_CLIENT_ID', value: clientId }
  { name: 'AZURE_STORAGE_ACCOUNT_URL', value: lakeAccountUrl }
  { name: 'STORECAST_LAKE_URL', value: 'az://lake/storecast' }
  { name: 'STORECAST_STORE_URL', secretRef: 'store-url' }
  { name: 'STORECAST_SOURCE_URL', value: sourceUrl }
  { name: 'STORECAST_SOURCE_TOKENS', secretRef: 'source-tokens' }
  { name: 'STORECAST_ENGINE', value: engine }
  { name: 'STORECAST_JOBS', value: '1' }
]

var airflowSettings = [
  { name: 'AIRFLOW__CORE__EXECUTOR', value: 'CeleryExecutor' }
  { name: 'AIRFLOW__CORE__EXECUTION_API_SERVER_URL', value: 'http://${name}-airflow/execution/' }
  { name: 'AIRFLOW__CORE__PARALLELISM', value: '512' }
  { name: 'AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG', value: '512' }
  { name: 'AIRFLOW__CORE__FERNET_KEY', secretRef: 'fernet-key' }
  { name: 'AIRFLOW__API__SECRET_KEY', secretRef: 'jwt-secret' }
  { name: 'AIRFLOW__API_AUTH__JWT_SECRET', secretRef: 'jwt-secret' }
  { name: 'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN', secretRef: 'airflow-database' }
  { name: 'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC', secretRef: 'airflow-database-async' }
  { name: 'AIRFLOW__CELERY__RESULT_BACKEND', secretRef: 'airflow-results' }
  { name: 'AIRFLOW__CELERY__BROKER_URL', secretRef: 'airflow-broker' }
  { name: 'AIRFLOW__CELERY__WORKER_CONCURRENCY', value: string(concurrency) }
  { name: 'AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER', value: '1' }
  { name: 'AIRFLOW__CELERY__EXTRA_CELERY_CONFIG', value: '{"include": ["dags.jobs", "dags.daily_jobs"]}' }
  { name: 'AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC', value: '5' }
  { name: 'AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT', value: '20' }
  { name: 'AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT', value: '30' }
]

resource api 'Microsoft.App/containerApps@2024-03-01' = {
  name: '${name}-api'
  location: location
  identity: identities
  properties: {
    managedEnvironmentId: environment.id
    configuration: {
      activeRevisionsMode: 'Single'
      registries: registries
      secrets: ownSecrets
      ingress: {
        external: true
        targetPort: 8000
        allowInsecure: false
      }
    }
    template: {
      containers: [
        {
          name: 'api'
          image: image
          env: settings
          resources: {
            cpu: json('1.0')
            memory: '2Gi'
          }
          probes: [
            {
              type: 'Liveness'
              httpGet: {
                path: '/healthz'
                port: 8000
              }
              initialDelaySeconds: 10
            }
            {
              // Whether the run is fresh is told by /readyz to people; an old run is still served.
              type: 'Readiness'
              httpGet: {
                path: '/healthz'
                port: 8000
              }
            }
          ]
        }
      ]
      scale: {
        minReplicas: 2
        maxReplicas: 10
        rules: [
          {
            name: 'requests'
            http: {
              metadata: {
                concurrentRequests: '50'
              }
            }
          }
        ]
      }
    }
  }
}

resource refreshWorker 'Microsoft.App/containerApps@2024-03-01' = {
  name: '${name}-refresh'
  location: location
  identity: identities
  properties: {
    managedEnvironmentId: environment.id
    configuration: {
      registries: registries
      secrets: ownSecrets
    }
    template: {
      containers: [
        {
          name: 'refresh'
          image: image
          command: ['python', '-m', 'api', 'worker']
          env: settings
          resources: {
            cpu: json('2.0')
            memory: '4Gi'
          }
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: 1
      }
    }
  }
}

resource airflowApi 'Microsoft.App/containerApps@2024-03-01' = {
  name: '${name}-airflow'
  location: location
  identity: identities
  properties: {
    managedEnvironmentId: environment.id
    configuration: {
      registries: registries
      secrets: concat(ownSecrets, airflowSecrets)
      ingress: {
        // Within the environment alone: workers ask it; people come by a tunnel or their own proxy.
        external: false
        targetPort: 8080
        allowInsecure: true
      }
    }
    template: {
      initContainers: [
        {
          name: 'setup'
          image: image
          command: ['bash', '-c', 'airflow db migrate && airflow pools import dags/pools.json']
          env: concat(settings, airflowSettings)
          resources: {
            cpu: json('1.0')
            memory: '2Gi'
          }
        }
      ]
      containers: [
        {
          name: 'api-server'
          image: image
          command: ['airflow', 'api-server', '--host', '0.0.0.0', '--port', '8080']
          env: concat(settings, airflowSettings)
          resources: {
            cpu: json('1.0')
            memory: '2Gi'
          }
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: 1
      }
    }
  }
}

resource scheduler 'Microsoft.App/containerApps@2024-03-01' = {
  name: '${name}-scheduler'
  location: location
  identity: identities
  dependsOn: [airflowApi]
  properties: {
    managedEnvironmentId: environment.id
    configuration: {
      registries: registries
      secrets: concat(ownSecrets, airflowSecrets)
    }
    template: {
      containers: [
        {
          name: 'scheduler'
          image: image
          command: ['airflow', 'scheduler']
          env: concat(settings, airflowSettings)
          resources: {
            cpu: json('1.0')
            memory: '2Gi'
          }
        }
        {
          name: 'dag-processor'
          image: image
          command: ['airflow', 'dag-processor']
          env: concat(settings, airflowSettings)
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: 1
      }
    }
  }
}

resource worker 'Microsoft.App/containerApps@2024-03-01' = {
  name: '${name}-worker'
  location: location
  identity: identities
  dependsOn: [airflowApi]
  properties: {
    managedEnvironmentId: environment.id
    configuration: {
      registries: registries
      secrets: concat(ownSecrets, airflowSecrets)
    }
    template: {
      terminationGracePeriodSeconds: 600
      containers: [
        {
          name: 'worker'
          image: image
          command: ['airflow', 'celery', 'worker']
          env: concat(settings, airflowSettings)
          resources: {
            cpu: json('2.0')
            memory: '4Gi'
          }
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: mostWorkers
        rules: [
          {
            // Tasks that wait or run, by Airflow's own database: the length of the broker's list
            // would fall to none while every worker is busy.
            name: 'tasks'
            custom: {
              type: 'postgresql'
              metadata: {
                query: 'SELECT count(*) FROM task_instance WHERE state IN (\'queued\', \'running\')'
                targetQueryValue: string(concurrency)
              }
              auth: [
                {
                  secretRef: 'airflow-queue'
                  triggerParameter: 'connection'
                }
              ]
            }
          }
        ]
      }
    }
  }
}

output apiHost string = api.properties.configuration.ingress.fqdn
