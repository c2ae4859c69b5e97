// Storecast on Azure: what holds the data, and what runs on it.
// az deployment group create --resource-group … --template-file main.bicep --parameters main.bicepparam
targetScope = 'resourceGroup'

@description('Begins every name; letters and digits.')
@minLength(3)
@maxLength(11)
param name string = 'storecast'

@description('Where everything is; also where the data of merchants stays.')
param location string = resourceGroup().location

@description('Tag of the image to run, as the pipeline pushed it.')
param version string

@description('The container registry that holds the image, in this resource group.')
param registryName string

@description('Address of the marketplace.')
param sourceUrl string

@description('The forecasting engine of the monthly run.')
param engine string = 'ensemble'

@description('Administrator of the database of Airflow.')
param postgresLogin string = 'airflow'

@secure()
@description('Password of the database of Airflow.')
param postgresPassword string

@secure()
@description('JSON of the tokens of the marketplace, by merchant.')
param sourceTokens string

@secure()
@description('Fernet key of Airflow.')
param fernetKey string

@secure()
@description('Secret by which the parts of Airflow trust each other.')
param jwtSecret string

@description('Workers at most; each predicts as many shards at a time as it has cores.')
param mostWorkers int = 20

@description('Request units per second that the forecast store may scale to.')
param storeThroughput int = 4000

@description('Days for which deleted blobs can be brought back; those of a forgotten merchant are gone after them.')
param softDeleteDays int = 7

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-identity'
  location: location
}

module data 'data.bicep' = {
  name: '${name}-data'
  params: {
    name: name
    location: location
    principalId: identity.properties.principalId
    registryName: registryName
    postgresLogin: postgresLogin
    postgresPassword: postgresPassword
    sourceTokens: sourceTokens
    fernetKey: fernetKey
    jwtSecret: jwtSecret
    storeThroughput: storeThroughput
    softDeleteDays: softDeleteDays
  }
}

module apps 'apps.bicep' = {
  name: '${name}-apps'
  params: {
    name: name
    location: location
    identityId: identity.id
    clientId: identity.properties.clientId
    registryServer: data.outputs.registryServer
    image: '${data.outputs.registryServer}/storecast:${version}'
    vaultUri: data.outputs.vaultUri
    lakeAccountUrl: data.outputs.lakeAccountUrl
    sourceUrl: sourceUrl
    engine: engine
    mostWorkers: mostWorkers
  }
}

output apiHost string = apps.outputs.apiHost
output lakeUrl string = 'az://lake/storecast'
