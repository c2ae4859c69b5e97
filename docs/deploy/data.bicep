// What holds the data: the lake, the forecast store, Airflow's database and broker, the secrets.
param name string
param location string
param principalId string
param registryName string
param postgresLogin string

@secure()
param postgresPassword string

@secure()
param sourceTokens string

@secure()
param fernetKey string

@secure()
param jwtSecret string

param storeThroughput int
param softDeleteDays int

var suffix = uniqueString(resourceGroup().id)
var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'

// A collection's documents are found by their string id, so the id is the partition key too: a read
// or an upsert of one forecast costs one partition, and no merchant can outgrow its own.
var collections = ['forecasts', 'summaries', 'stores', 'records', 'daily', 'refreshes', 'leases', 'asked', 'editions', 'pointer', 'counters']

resource lake 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: toLower('${name}${suffix}')
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_ZRS'
  }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    accessTier: 'Hot'
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: lake
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: softDeleteDays
    }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'lake'
}

resource lakeRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(lake.id, principalId, blobContributor)
  scope: lake
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
  }
}

resource store 'Microsoft.DocumentDB/databaseAccounts@2024-05-15' = {
  name: toLower('${name}-${suffix}')
  location: location
  kind: 'MongoDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    apiProperties: {
      serverVersion: '7.0'
    }
    capabilities: [
      {
        name: 'EnableMongo'
      }
      {
        // The server waits and tries again itself before it answers 16500.
        name: 'DisableRateLimitingResponses'
      }
    ]
    consistencyPolicy: {
      defaultConsistencyLevel: 'Strong'
    }
    locations: [
      {
        locationName: location
        failoverPriority: 0
      }
    ]
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: 'Continuous7Days'
      }
    }
    minimalTlsVersion: 'Tls12'
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/mongodbDatabases@2024-05-15' = {
  parent: store
  name: 'storecast'
  properties: {
    resource: {
      id: 'storecast'
    }
    options: {
      autoscaleSettings: {
        maxThroughput: storeThroughput
      }
    }
  }
}

resource collection 'Microsoft.DocumentDB/databaseAccounts/mongodbDatabases/collections@2024-05-15' = [for each in collections: {
  parent: database
  name: each
  properties: {
    resource: {
      id: each
      shardKey: {
        _id: 'Hash'
      }
      indexes: [
        {
          key: {
            keys: ['_id']
          }
        }
      ]
    }
  }
}]

resource postgres 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  name: toLower('${name}-${suffix}')
  location: location
  sku: {
    name: 'Standard_D2ds_v5'
    tier: 'GeneralPurpose'
  }
  properties: {
    version: '16'
    administratorLogin: postgresLogin
    administratorLoginPassword: postgresPassword
    storage: {
      storageSizeGB: 64
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: 7
    }
  }
}

resource airflow 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2024-08-01' = {
  parent: postgres
  name: 'airflow'
}

resource postgresFromAzure 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2024-08-01' = {
  parent: postgres
  name: 'azure-services'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
}

resource broker 'Microsoft.Cache/redis@2024-11-01' = {
  name: toLower('${name}-${suffix}')
  location: location
  properties: {
    sku: {
      name: 'Standard'
      family: 'C'
      capacity: 1
    }
    enableNonSslPort: false
    minimumTlsVersion: '1.2'
    redisConfiguration: {
      'maxmemory-policy': 'noeviction'
    }
  }
}

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource registryRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, principalId, acrPull)
  scope: registry
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: take('${name}-${suffix}', 24)
  location: location
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 7
  }
}

resource vaultRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, secretsUser)
  scope: vault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
  }
}

resource storeUrl 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'store-url'
  properties: {
    value: store.listConnectionStrings().connectionStrings[0].connectionString
  }
}

resource sourceTokensSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'source-tokens'
  properties: {
    value: sourceTokens
  }
}

resource fernetSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'fernet-key'
  properties: {
    value: fernetKey
  }
}

resource jwtSecretSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'jwt-secret'
  properties: {
    value: jwtSecret
  }
}

var postgresHost = postgres.properties.fullyQualifiedDomainName
var login = '${postgresLogin}:${uriComponent(postgresPassword)}@${postgresHost}:5432/airflow'

resource databaseUrl 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'airflow-database'
  properties: {
    value: 'postgresql+psycopg2://${login}?sslmode=require'
  }
}

resource databaseUrlAsync 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'airflow-database-async'
  properties: {
    value: 'postgresql+asyncpg://${login}?ssl=require'
  }
}

resource resultUrl 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'airflow-results'
  properties: {
    value: 'db+postgresql+psycopg2://${login}?sslmode=require'
  }
}

resource scalerUrl 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'airflow-queue'
  properties: {
    value: 'postgresql://${login}?sslmode=require'
  }
}

resource brokerUrl 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'airflow-broker'
  properties: {
    value: 'rediss://:${uriComponent(broker.listKeys().primaryKey)}@${broker.properties.hostName}:6380/0?ssl_cert_reqs=required'
  }
}

output registryServer string = registry.properties.loginServer
output vaultUri string = vault.properties.vaultUri
output lakeAccountUrl string = lake.properties.primaryEndpoints.blob
